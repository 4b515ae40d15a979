/**
 * POSTs to the runtime in a container, over a Unix socket or TCP, as ApacheBlockingContainerClient.scala does: no
 * answer is taken without a Content-Length, and of a too long one only the beginning.
 */
import { Agent, type ClientRequest, type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { CALLED_OFF, type Clock } from "@openwhisk-harvest/core";
import type { CallLimits, ContainerCall, ContainerOutcome } from "./driver.js";

/** On one host; only a container without a network stack of its own yet does not even refuse. */
const CONNECT_TIMEOUT_MS = 1_000;
const NO_ANSWER: ContainerOutcome = { type: "no-answer" };

/** Where a runtime listens. */
export type RuntimeAddress = { readonly socketPath: string } | { readonly host: string; readonly port: number };

export class RuntimeClient {
  readonly #address: RuntimeAddress;
  readonly #clock: Clock;
  readonly #agent: Agent;

  constructor(address: RuntimeAddress, clock: Clock) {
    this.#address = address;
    this.#clock = clock;
    // Our own runtimes serve one request at a time and never close their connection; others may, at any moment.
    this.#agent = new Agent({ keepAlive: "socketPath" in address, maxSockets: 1 });
  }

  /** Never rejects. A timed-out request is abandoned; the container is of no use afterwards. */
  async post(path: "/init" | "/run", payload: object, limits: CallLimits): Promise<ContainerCall> {
    const startMs = this.#clock.nowMs();
    const beganMs = this.#clock.monotonicMs();
    const alarm = new AbortController();
    const timeout = this.#clock.sleep(limits.timeoutMs, alarm.signal).then(
      (): ContainerOutcome => ({ type: "timeout" }),
      () => NO_ANSWER, // switched off: the race is over
    );
    const { outgoing, answer } = this.#send(path, JSON.stringify(payload), limits.maxResponseBytes);
    const outcome = await Promise.race([timeout, answer]);
    alarm.abort(CALLED_OFF);
    if (outcome.type === "timeout") outgoing.destroy();
    // How long it took is not the wall clock's to say, which may be set meanwhile.
    return { outcome, startMs, endMs: startMs + Math.round(this.#clock.monotonicMs() - beganMs) };
  }

  close(): void {
    this.#agent.destroy();
  }

  #send(path: string, body: string, maxBytes: number): { outgoing: ClientRequest; answer: Promise<ContainerOutcome> } {
    const headers = { "Content-Type": "application/json", Accept: "application/json", "Content-Length": Buffer.byteLength(body) };
    const outgoing = request({ ...this.#address, path, method: "POST", agent: this.#agent, headers });
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

/** Whether a server listens there now. */
export function canConnect(address: RuntimeAddress): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect("socketPath" in address ? { path: address.socketPath } : address);
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => socket.destroy(new Error("no answer")));
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false)); // not there yet
  });
}
