/**
 * POSTs to the runtime in a container, over its Unix socket, as ApacheBlockingContainerClient.scala does over TCP: no answer is
 * taken without a Content-Length, and of a too long one only the beginning.
 */
import { Agent, type ClientRequest, type IncomingMessage, request } from "node:http";
import type { Clock } from "@openwhisk-harvest/core";
import type { CallLimits, ContainerCall, ContainerOutcome } from "./driver.js";

const NO_ANSWER: ContainerOutcome = { type: "no-answer" };

export class RuntimeClient {
  readonly #socketPath: string;
  readonly #clock: Clock;
  /** One connection, kept: the runtime serves one request at a time and never closes it. */
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(socketPath: string, clock: Clock) {
    this.#socketPath = socketPath;
    this.#clock = clock;
  }

  /** Never rejects. A timed-out request is abandoned; the container is of no use afterwards. */
  async post(path: "/init" | "/run", payload: object, limits: CallLimits): Promise<ContainerCall> {
    const startMs = this.#clock.nowMs();
    const alarm = new AbortController();
    const timeout = this.#clock.sleep(limits.timeoutMs, alarm.signal).then(
      (): ContainerOutcome => ({ type: "timeout" }),
      () => NO_ANSWER, // switched off: the race is over
    );
    const { outgoing, answer } = this.#send(path, JSON.stringify(payload), limits.maxResponseBytes);
    const outcome = await Promise.race([timeout, answer]);
    alarm.abort();
    if (outcome.type === "timeout") outgoing.destroy();
    return { outcome, startMs, endMs: this.#clock.nowMs() };
  }

  close(): void {
    this.#agent.destroy();
  }

  #send(path: string, body: string, maxBytes: number): { outgoing: ClientRequest; answer: Promise<ContainerOutcome> } {
    const headers = { "Content-Type": "application/json", Accept: "application/json", "Content-Length": Buffer.byteLength(body) };
    const outgoing = request({ socketPath: this.#socketPath, path, method: "POST", agent: this.#agent, headers });
    const answer = new Promise<ContainerOutcome>((resolve) => {
      outgoing.once("response", (response) => {
        readAnswer(response, maxBytes).then(resolve, () => resolve(NO_ANSWER));
      });
      outgoing.on("error", () => resolve(NO_ANSWER));
    });
    outgoing.end(body);
    return { outgoing, answer };
  }
}

/** Reads the stream to its end in any case, which frees the connection. Rejects when it breaks off. */
async function readAnswer(response: IncomingMessage, maxBytes: number): Promise<ContainerOutcome> {
  const lengthBytes = Number(response.headers["content-length"]);
  if (!Number.isInteger(lengthBytes)) {
    response.resume();
    return NO_ANSWER;
  }
  const kept: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    if (bytes < maxBytes) kept.push(chunk.subarray(0, maxBytes - bytes));
    bytes += chunk.length;
  }
  const body = Buffer.concat(kept).toString("utf8");
  const httpStatus = response.statusCode ?? 0;
  if (lengthBytes <= maxBytes) return { type: "answer", httpStatus, body };
  return { type: "answer", httpStatus, body, truncated: { lengthBytes, maxBytes } };
}
