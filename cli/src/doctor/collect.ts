/** Asks a cluster what the doctor wants to know. Reads only: GET requests, Kafka's list of topics, and files. */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { type Config, HarvestError, messageOf } from "@openwhisk-harvest/core";
import { reasonOf } from "@openwhisk-harvest/sidecar/client";
import type { Addresses } from "../connection/addresses.js";
import { withScheme } from "../connection/addresses.js";
import { loadBus } from "../optional.js";
import type { About, Answer, ClusterFacts, ServiceEnvironment } from "./facts.js";

type Settings = Config["doctor"];

/** With the controller and the key that are in use where the doctor's own settings name no controller: a key goes to no other host. */
export function settingsWith(settings: Settings, { apihost, auth }: Pick<Addresses, "apihost" | "auth">): Settings {
  if (settings.controllerUrl !== undefined || "missing" in apihost) return settings;
  const key = settings.auth ?? ("value" in auth ? auth.value : undefined);
  return { ...settings, controllerUrl: apihost.value, ...(key === undefined ? {} : { auth: key }) };
}

/** OWH_BAD_CONFIG when nothing is given to look at, or a file cannot be read. */
export async function collectFacts(settings: Settings): Promise<ClusterFacts> {
  const { controllerUrl, auth, kafka, nodeAgents, topicPrefix } = settings;
  if (![controllerUrl, kafka, nodeAgents, settings.controllers, settings.invokers].some((given) => given !== undefined))
    throw new HarvestError(
      "OWH_BAD_CONFIG",
      "Nothing to examine: set openwhisk.apihost, or doctor.controllerUrl, kafka, nodeAgents, controllers or invokers.",
    );
  const cluster = controllerUrl === undefined ? undefined : new ClusterHttp(controllerUrl, auth, settings.timeoutMs);
  const [about, namespaces, limits, echo, topics, agents] = await Promise.all([
    cluster && answerOf(() => cluster.get("/") as Promise<About>),
    cluster && auth !== undefined ? answerOf(() => cluster.get("/api/v1/namespaces") as Promise<string[]>) : undefined,
    cluster && auth !== undefined ? answerOf(() => cluster.get("/api/v1/namespaces/_/limits")) : undefined,
    cluster && auth !== undefined ? answerOf(() => cluster.exists("/api/v1/namespaces/whisk.system/actions/utils/echo")) : undefined,
    kafka === undefined ? undefined : answerOf(async () => (await loadBus("doctor.kafka")).listTopics(listOf(kafka), settings.timeoutMs)),
    Promise.all(listOf(nodeAgents).map(async (address) => ({ address, health: await healthOf(address, settings.timeoutMs) }))),
  ]);
  return {
    ...(about ? { about } : {}),
    ...(namespaces ? { namespaces } : {}),
    ...(limits ? { limits } : {}),
    ...(echo ? { echo } : {}),
    ...(topics ? { topics } : {}),
    topicPrefix,
    nodeAgents: agents,
    controllers: listOf(settings.controllers).map(environmentIn),
    invokers: listOf(settings.invokers).map(environmentIn),
  };
}

function listOf(text: string | undefined): string[] {
  return (text ?? "")
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "");
}

/** Lines `NAME=value`, as `docker inspect` and env files have them. */
export function environmentOf(name: string, text: string): ServiceEnvironment {
  const pairs = text.split("\n").flatMap((line) => {
    const equals = line.indexOf("=");
    return equals > 0 && !line.startsWith("#") ? [[line.slice(0, equals).trim(), line.slice(equals + 1).trim()] as const] : [];
  });
  return { name, settings: Object.fromEntries(pairs) };
}

function environmentIn(file: string): ServiceEnvironment {
  try {
    return environmentOf(basename(file), readFileSync(file, "utf8"));
  } catch (error) {
    throw new HarvestError("OWH_BAD_CONFIG", `The environment ${file} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

async function answerOf<T>(ask: () => Promise<T>): Promise<Answer<T>> {
  try {
    return { value: await ask() };
  } catch (error) {
    return { failure: reasonOf(error) };
  }
}

class ClusterHttp {
  readonly #base: string;
  readonly #authorization: string | undefined;
  readonly #timeoutMs: number;

  constructor(url: string, auth: string | undefined, timeoutMs: number) {
    this.#base = withScheme(url);
    this.#authorization = auth === undefined ? undefined : `Basic ${Buffer.from(auth).toString("base64")}`;
    this.#timeoutMs = timeoutMs;
  }

  async get(path: string): Promise<unknown> {
    const response = await this.#ask(path);
    if (!response.ok) throw new Error(`GET ${path} answers ${response.status}`);
    return response.json();
  }

  async exists(path: string): Promise<boolean> {
    const { ok, status } = await this.#ask(path);
    if (!ok && status !== 404) throw new Error(`GET ${path} answers ${status}`);
    return ok;
  }

  #ask(path: string): Promise<Response> {
    const headers = this.#authorization === undefined ? {} : { authorization: this.#authorization };
    return fetch(this.#base + path, { headers, redirect: "error", signal: AbortSignal.timeout(this.#timeoutMs) });
  }
}

function healthOf(address: string, timeoutMs: number): Promise<Answer<unknown>> {
  return answerOf(() => new ClusterHttp(`http://${address}`, undefined, timeoutMs).get("/healthz"));
}
