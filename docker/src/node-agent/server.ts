/**
 * What containers may ask (questions.ts), over HTTP. The container is known by its address; what is no action container of
 * this node gets nothing but /healthz and /metrics.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Clock, formatObservationLine, HarvestError, messageOf, TokenBucket } from "@openwhisk-harvest/core";
import type { Logger } from "pino";
import { mayBelongTo } from "./container-name.js";
import type { ContainerRuns } from "./container-runs.js";
import type { Containers } from "./containers.js";
import type { HeldContainer } from "./held-container.js";
import { containerClaimOf, MAX_QUESTION_BYTES, runEndOf, runStartOf } from "./questions.js";

export interface ServerOptions {
  readonly host: string;
  readonly port: number;
  readonly requestsPerSecond: number;
  readonly containers: Pick<Containers, "at">;
  readonly runs: ContainerRuns;
  readonly metrics: () => string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** One agent needs one; several runs at once need some. */
const MAX_CONNECTIONS_PER_CONTAINER = 16;
/** An agent speaks at once or not at all. */
const REQUEST_TIMEOUT_MS = 2_000;
/** A container may ask so long at any rate, and then at its own: a run that ends and the next that begins are several requests at once. */
const BURST_MS = 250;
/** Longer than the pause between two runs of a busy container, shorter than an unused connection should live. */
const KEEP_ALIVE_MS = 15_000;

export interface NodeAgentServer {
  readonly url: string;
  close(): Promise<void>;
}

/** OWH_CHILD_FAILED when it cannot listen where it should. */
export async function listen(options: ServerOptions): Promise<NodeAgentServer> {
  const handler = new RequestHandler(options);
  const server = createServer(
    { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS, keepAliveTimeout: KEEP_ALIVE_MS, maxHeaderSize: 2_048 },
    (request, response) => {
      handler
        .answer(request, response)
        .catch((error: unknown) => options.logger.error({ error: messageOf(error) }, "A request was not answered."));
    },
  );
  boundConnections(server);
  server.listen(options.port, options.host);
  try {
    await once(server, "listening");
  } catch (error) {
    const where = `${options.host}:${options.port}`;
    throw new HarvestError("OWH_CHILD_FAILED", `The node agent cannot listen on ${where}: ${messageOf(error)}`, { cause: error });
  }
  const { address, port } = server.address() as AddressInfo;
  return {
    url: `http://${address.includes(":") ? `[${address}]` : address}:${port}`,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Of one address, so that no container uses up the connections of all. */
function boundConnections(server: Server): void {
  const open = new Map<string, number>();
  server.on("connection", (socket) => {
    const address = addressOf(socket.remoteAddress);
    const count = (open.get(address) ?? 0) + 1;
    open.set(address, count);
    socket.once("close", () => {
      const left = (open.get(address) ?? 1) - 1;
      if (left > 0) open.set(address, left);
      else open.delete(address);
    });
    if (count > MAX_CONNECTIONS_PER_CONTAINER) socket.destroy();
  });
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly type?: string;
}

class RequestHandler {
  readonly #options: ServerOptions;
  /** One that floods costs the others nothing. */
  readonly #budgets = new WeakMap<HeldContainer, TokenBucket>();

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = await this.#answerTo(request, response).catch(errorAnswer);
    if (response.destroyed) return;
    const { status, body, type = "application/json" } = answer;
    response.writeHead(status, {
      "content-type": type,
      "content-length": Buffer.byteLength(body),
      ...(status === 429 && { connection: "close" }),
    });
    response.end(body);
  }

  async #answerTo(request: IncomingMessage, response: ServerResponse): Promise<Answer> {
    const { method, url } = request;
    const container = await this.#options.containers.at(addressOf(request.socket.remoteAddress));
    if (method === "GET" && url === "/healthz") return { status: 200, body: '{"ok":true}' };
    if (!container) {
      if (method === "GET" && url === "/metrics") return { status: 200, body: this.#options.metrics(), type: "text/plain; version=0.0.4" };
      throw new HarvestError("OWH_FORBIDDEN", "Only action containers of this node are answered.");
    }
    if (!this.#budgetOf(container).take()) return { status: 429, body: '{"error":"Too many requests."}' };
    this.#options.runs.heardOf(container);
    if (method !== "POST") throw notFound();
    const body = await readJson(request);
    if (url === "/v1/container") return this.#bind(container, body);
    if (url === "/v1/run") return this.#begin(container, body, response);
    if (url === "/v1/end") return this.#end(container, body);
    throw notFound();
  }

  #budgetOf(container: HeldContainer): TokenBucket {
    const known = this.#budgets.get(container);
    if (known) return known;
    const { requestsPerSecond: perSecond, clock } = this.#options;
    const budget = new TokenBucket({ perSecond, capacity: Math.max(1, (perSecond * BURST_MS) / 1_000), clock });
    this.#budgets.set(container, budget);
    return budget;
  }

  #bind(container: HeldContainer, body: unknown): Answer {
    const claim = containerClaimOf(body);
    if (!mayBelongTo(container.name, claim.namespace))
      throw new HarvestError("OWH_FORBIDDEN", "The container's name says another namespace.");
    container.bind(claim);
    return { status: 200, body: "{}" };
  }

  /** The answer is what the agent's own line would say, should the node agent be gone at the run's end. */
  async #begin(container: HeldContainer, body: unknown, response: ServerResponse): Promise<Answer> {
    const run = await this.#options.runs.begin(container, runStartOf(body), () => !response.destroyed);
    return { status: 200, body: JSON.stringify(run.facts) };
  }

  async #end(container: HeldContainer, body: unknown): Promise<Answer> {
    const observation = await this.#options.runs.end(container, runEndOf(body));
    if (!observation) throw notFound();
    return { status: 200, body: formatObservationLine(observation), type: "text/plain" };
  }
}

function notFound(): HarvestError {
  return new HarvestError("OWH_NOT_FOUND", "There is no such thing here.");
}

function errorAnswer(error: unknown): Answer {
  const known = error instanceof HarvestError ? error : new HarvestError("OWH_INTERNAL", "An internal fault.");
  return { status: known.httpStatus, body: JSON.stringify(known.toBody()) };
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_QUESTION_BYTES) throw new HarvestError("OWH_TOO_LARGE", "The body is too large.");
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch (error) {
    throw new HarvestError("OWH_BAD_REQUEST", "The body is no JSON.", { cause: error });
  }
}

/** IPv4 in its own form, also where the socket is an IPv6 one. */
function addressOf(remote: string | undefined): string {
  return (remote ?? "").replace(/^::ffff:/, "");
}
