/**
 * The hook's side of the sidecar: asks for a decision when a root run starts, and looks at a fork whether its stage was
 * published. One request each, never repeated; whatever goes wrong means "no stamp", which is the user allocation (H3).
 */
import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from "node:http";
import type { HookConfig, HookHost } from "./config.js";
import { isDecisionId } from "./session.js";
import { isObject } from "./wire.js";

/** Nobody waits for the answer to the first question but a fork, which has its own deadline. */
const ASK_TIMEOUT_MS = 1_000;
/** A decision about a thousand functions is some 500 KB. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
/** Roots whose answers a container remembers: it works for one session at a time, and forks soon after its start. */
const MAX_REMEMBERED = 32;

interface Transport {
  request(url: URL, options: RequestOptions, answered: (response: IncomingMessage) => void): ClientRequest;
  readonly agent: Agent;
}

export class Decisions {
  private transport: Promise<Transport> | undefined;
  private readonly asked = new Map<string, Promise<unknown>>();

  constructor(
    private readonly config: HookConfig,
    private readonly host: HookHost,
  ) {}

  /** Asks for a decision about a new root run, and waits for nothing. */
  ask(root: string, inputBytes: number): void {
    const { namespace, dag } = this.config;
    const body = JSON.stringify({ v: 1, namespace, dag, root, inputBytes });
    this.remember(root, this.call("POST", "/v1/decisions", ASK_TIMEOUT_MS, body));
  }

  /** The id of the decision in force for this fork, or undefined: not published, not accepted, or not known within `waitMs`. */
  async stamp(root: string, forkPath: string, waitMs: number): Promise<string | undefined> {
    if (!this.config.forks.includes(forkPath)) return undefined;
    const asked = this.asked.get(root);
    const answer = asked === undefined ? this.call("GET", `/v1/decisions/${root}`, waitMs) : Promise.race([asked, this.host.sleep(waitMs)]);
    return acceptedId(await answer, root, forkPath);
  }

  private remember(root: string, answer: Promise<unknown>): void {
    this.asked.set(root, answer);
    const [oldest] = this.asked.keys();
    if (this.asked.size > MAX_REMEMBERED && oldest !== undefined) this.asked.delete(oldest);
  }

  /** The parsed answer; undefined for anything but a 2xx with JSON within `timeoutMs`. */
  private async call(method: "GET" | "POST", path: string, timeoutMs: number, body?: string): Promise<unknown> {
    const key = this.host.env["__OW_API_KEY"];
    if (!this.config.sidecarUrl || !key) return undefined;
    try {
      const url = new URL(this.config.sidecarUrl.replace(/\/+$/, "") + path);
      this.transport ??= openTransport(url.protocol);
      const text = await exchange(await this.transport, url, { method, key, timeoutMs }, body);
      return text === undefined ? undefined : JSON.parse(text);
    } catch {
      return undefined; // by design: every failure is "no decision", and the composition goes on
    }
  }
}

function acceptedId(decision: unknown, root: string, forkPath: string): string | undefined {
  if (!isObject(decision) || decision["published"] !== true || decision["root"] !== root || !isDecisionId(decision["id"])) return undefined;
  const stages: unknown[] = Array.isArray(decision["stages"]) ? decision["stages"] : [];
  const stage = stages.find((one) => isObject(one) && one["forkPath"] === forkPath) as Record<string, unknown> | undefined;
  const accepted = (verdict: unknown) => isObject(verdict) && verdict["accepted"] === true;
  return stage && (accepted(stage["cpu"]) || accepted(stage["memory"])) ? decision["id"] : undefined;
}

async function openTransport(protocol: string): Promise<Transport> {
  const { Agent, request } = protocol === "https:" ? await import("node:https") : await import("node:http");
  return { request, agent: new Agent({ keepAlive: true, maxSockets: 4 }) };
}

function exchange(
  { request, agent }: Transport,
  url: URL,
  { method, key, timeoutMs }: { method: string; key: string; timeoutMs: number },
  body?: string,
): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Basic ${Buffer.from(key).toString("base64")}`,
      ...(body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
    };
    const call = request(url, { method, headers, agent }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        text += part;
        if (text.length > MAX_ANSWER_BYTES) call.destroy(new Error("the answer is too long"));
      });
      response.on("end", () => settle(() => resolve(response.statusCode !== undefined && response.statusCode < 300 ? text : undefined)));
      response.on("error", (error) => settle(() => reject(error)));
    });
    const timer = setTimeout(() => call.destroy(new Error("no answer in time")), timeoutMs);
    const settle = (how: () => void) => {
      clearTimeout(timer);
      how();
    };
    call.on("error", (error) => settle(() => reject(error)));
    call.end(body);
  });
}
