/** How an agent in a container asks its node's agent: short questions, a short wait, and an undefined answer for whatever goes wrong. */
import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";

export interface Address {
  readonly host: string;
  readonly port: number;
}

const DEFAULT_PORT = 3237;

/** `host:port` of __OW_HARVEST_NODE_AGENT, or the gateway of the container's default route. */
export function nodeAgentAddress(environment: NodeJS.ProcessEnv, routes: () => string = readRoutes): Address | undefined {
  const named = environment["__OW_HARVEST_NODE_AGENT"];
  if (named) {
    const colon = named.lastIndexOf(":");
    return colon < 0 ? { host: named, port: DEFAULT_PORT } : { host: named.slice(0, colon), port: Number(named.slice(colon + 1)) };
  }
  const host = defaultGateway(routes());
  return host === undefined ? undefined : { host, port: DEFAULT_PORT };
}

/** From /proc/net/route: addresses are hexadecimal, least significant byte first. */
export function defaultGateway(routes: string): string | undefined {
  const row = routes
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .find(([, destination, gateway]) => destination === "00000000" && gateway !== "00000000");
  const gateway = row?.[2];
  if (gateway === undefined || !/^[0-9A-F]{8}$/i.test(gateway)) return undefined;
  return [6, 4, 2, 0].map((at) => Number.parseInt(gateway.slice(at, at + 2), 16)).join(".");
}

function readRoutes(): string {
  try {
    return readFileSync("/proc/net/route", "latin1");
  } catch {
    return ""; // no such file: no address, no questions
  }
}

export interface Answered {
  readonly status: number;
  readonly text: string;
}

export class NodeAgentClient {
  readonly #address: Address;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 4 });

  constructor(address: Address) {
    this.#address = address;
  }

  /** Never rejects. */
  async ask(path: string, body: object, timeoutMs: number): Promise<Answered | undefined> {
    const untilMs = performance.now() + timeoutMs;
    const first = await this.#post(path, body, timeoutMs);
    if (first !== "stale") return first;
    // The connection was closed while it lay idle, perhaps while this container was paused.
    const second = await this.#post(path, body, untilMs - performance.now());
    return second === "stale" ? undefined : second;
  }

  #post(path: string, body: object, timeoutMs: number): Promise<Answered | "stale" | undefined> {
    if (timeoutMs <= 0) return Promise.resolve(undefined);
    const json = Buffer.from(JSON.stringify(body));
    const headers = { "content-type": "application/json", "content-length": json.length };
    return new Promise((resolve) => {
      const asking = request({ ...this.#address, agent: this.#agent, method: "POST", path, headers }, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (part: string) => {
          text += part;
        });
        response.once("end", () => finish({ status: response.statusCode ?? 0, text }));
        response.once("error", () => finish(undefined));
      });
      const timer = setTimeout(() => {
        finish(undefined);
        asking.destroy();
      }, timeoutMs);
      timer.unref();
      const finish = (answer: Answered | "stale" | undefined) => {
        clearTimeout(timer);
        resolve(answer);
      };
      asking.once("error", (error: NodeJS.ErrnoException) =>
        finish(asking.reusedSocket && error.code === "ECONNRESET" ? "stale" : undefined),
      );
      asking.end(json);
    });
  }
}
