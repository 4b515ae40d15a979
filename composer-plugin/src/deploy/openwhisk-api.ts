/** The few calls of OpenWhisk's API that a deployment needs, with its errors turned into ours. */
import { HarvestError, messageOf } from "@openwhisk-harvest/core";
import openwhisk from "openwhisk";
import type { KnownAction } from "../describe/functions.js";
import type { ActionUpdate } from "./deployment.js";

export interface OpenWhiskOptions {
  readonly apihost: string;
  readonly api_key: string;
  /** The namespace that the key belongs to; asked for when absent or `_`. */
  readonly namespace?: string;
  readonly ignore_certs?: boolean;
}

/** An action as `GET /namespaces/_/actions/<name>?code=false` describes it. */
interface ActionRecord {
  readonly exec?: { readonly kind?: string };
  readonly annotations?: readonly Annotation[];
  readonly limits?: { readonly memory?: number };
}

/** What a blocking invocation answers, if it has not taken too long. */
interface Activation {
  readonly response?: { readonly result?: unknown };
}

export interface Annotation {
  readonly key: string;
  readonly value: unknown;
}

/** What client-js has for all calls of the API, and for this one has no name. */
interface Requests {
  readonly client: { request(method: string, path: string): Promise<unknown> };
}

type Client = ReturnType<typeof openwhisk>;

export interface OpenWhiskApi {
  /** The name of the key's namespace. Proves, before anything is written, that OpenWhisk is there and takes the key. */
  namespace(): Promise<string>;
  update(action: ActionUpdate): Promise<void>;
  /** Removes an action, also one that is not there. */
  remove(name: string): Promise<void>;
  /** The annotations of an action; undefined when there is none of that name. */
  annotations(name: string): Promise<readonly Annotation[] | undefined>;
  /** What `GET /namespaces/_/limits` answers; undefined where there is no such thing. */
  limits(): Promise<unknown>;
  /** The result of an action; undefined when it fails, or takes longer than a blocking invocation does. */
  ask(name: string, params: object): Promise<unknown>;
  /** What is known of actions that a job names but does not define; those that do not exist are left out. */
  look(names: readonly string[], namespace: string): Promise<KnownAction[]>;
}

export function openWhiskApi(options: OpenWhiskOptions): OpenWhiskApi {
  const { namespace: wanted, ...rest } = options;
  const client = openwhisk(rest);
  return {
    async namespace() {
      const names = (await translated("list the namespaces", client.namespaces.list())) as string[];
      const name = wanted === undefined || wanted === "_" ? names[0] : names.find((one) => one === wanted);
      if (name === undefined)
        throw new HarvestError("OWH_FORBIDDEN", `The key does not belong to the namespace ${JSON.stringify(wanted ?? "_")}.`);
      return name;
    },
    async update({ name, body }) {
      await translated(`update the action ${name}`, client.actions.update({ name, action: body as never }));
    },
    async remove(name) {
      const removed = client.actions.delete({ name }).catch((error) => {
        if (statusOf(error) !== 404) throw error;
      });
      await translated(`remove the action ${name}`, removed);
    },
    async annotations(name) {
      const record = await recordOf(client, name);
      return record && (record.annotations ?? []);
    },
    async limits() {
      const { client: requests } = client.namespaces as unknown as Requests;
      const limits = requests.request("GET", "namespaces/_/limits").catch((error) => {
        if (statusOf(error) !== 404) throw error;
      });
      return translated("tell the limits of the namespace", limits);
    },
    async ask(name, params) {
      try {
        const activation = (await client.actions.invoke({ name, params, blocking: true })) as Activation;
        return activation.response?.result;
      } catch (error) {
        const status = statusOf(error);
        if (status !== undefined && status !== 401) return undefined; // by design: it has failed, or was refused
        throw openWhiskError(`invoke the action ${name}`, error);
      }
    },
    async look(names, namespace) {
      const found = await Promise.all(names.map((name) => lookAt(client, name, namespace)));
      return found.filter((one) => one !== undefined);
    },
  };
}

async function lookAt(client: Client, name: string, namespace: string): Promise<KnownAction | undefined> {
  const record = await recordOf(client, name);
  if (!record) return undefined;
  const kind = record.exec?.kind ?? "unknown";
  const isConductor = record.annotations?.some((one) => one.key === "conductor" && Boolean(one.value)) ?? false;
  const role = isConductor ? "composition" : kind === "sequence" ? "sequence" : "foreign";
  return { name: name.replace(/^\/_\//, `/${namespace}/`), kind, memoryLimitMb: record.limits?.memory ?? 256, role };
}

/** Undefined for an action that is not there, or not the caller's to see. */
async function recordOf(client: Client, name: string): Promise<ActionRecord | undefined> {
  try {
    return (await client.actions.get({ name, code: false } as never)) as unknown as ActionRecord;
  } catch (error) {
    const status = statusOf(error);
    if (status === 404 || status === 403) return undefined;
    throw openWhiskError(`look at the action ${name}`, error);
  }
}

async function translated<T>(what: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw openWhiskError(what, error);
  }
}

function statusOf(error: unknown): number | undefined {
  return (error as { statusCode?: number }).statusCode;
}

function openWhiskError(what: string, error: unknown): HarvestError {
  const status = statusOf(error);
  const message = `OpenWhisk did not ${what}: ${messageOf(error)}`;
  if (status === 401) return new HarvestError("OWH_UNAUTHORIZED", message);
  if (status === 403) return new HarvestError("OWH_FORBIDDEN", message);
  if (status === 409) return new HarvestError("OWH_CONFLICT", message);
  if (status === 413) return new HarvestError("OWH_TOO_LARGE", message);
  return new HarvestError(status !== undefined && status < 500 ? "OWH_BAD_REQUEST" : "OWH_STORE_UNAVAILABLE", message);
}
