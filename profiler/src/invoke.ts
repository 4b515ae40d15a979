/** One blocking invocation through the npm client, with all the ways in which it can end. */
import { type Clock, HarvestError, isObject, messageOf } from "@openwhisk-harvest/core";
import { isPassing, type OpenWhiskClient } from "./activation-reader.js";

export interface Invocation {
  readonly activationId: string;
  /** Wall clock of the OpenWhisk side. */
  readonly startMs: number;
  readonly success: boolean;
  /** What OpenWhisk calls the end: `success`, `application error`, ... */
  readonly status: string;
  readonly result: unknown;
}

export interface Invoke {
  readonly client: OpenWhiskClient;
  /** Fully qualified: `/namespace/[package/]action`. */
  readonly name: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** How long to wait for the end. */
  readonly deadlineMs: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

/**
 * Invokes and waits for the end, an unsuccessful one too. OpenWhisk answers 202 when the end takes longer than a minute, and 502
 * when the action failed. Rejects with OWH_DEADLINE when the end does not come, or with the client's error when it refuses.
 */
export async function invokeAndWait(invoke: Invoke): Promise<Invocation> {
  const { client, name, params, clock, deadlineMs, signal } = invoke;
  const endMs = clock.monotonicMs() + deadlineMs;
  const invoked: Promise<unknown> = client.actions.invoke({ name, blocking: true, params: { ...params } }).catch((error: unknown) => {
    const body: unknown = (error as { error?: unknown }).error;
    if (invocationOf(body)) return body;
    throw error;
  });
  const answer = await orAborted(invoked, signal);
  const ended = invocationOf(answer);
  if (ended) return ended;
  const activationId = isObject(answer) ? answer["activationId"] : undefined;
  if (typeof activationId !== "string")
    throw new HarvestError("OWH_PROFILE_FAILED", `Invoking ${name} was answered without an activation id.`);
  return pollForEnd(invoke, activationId, endMs);
}

async function pollForEnd({ client, name, clock, deadlineMs, signal }: Invoke, activationId: string, endMs: number): Promise<Invocation> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    signal?.throwIfAborted();
    let lastProblem = "it has not ended";
    try {
      const ended = invocationOf(await client.activations.get({ name: activationId }));
      if (ended) return ended;
    } catch (error) {
      // 404: an activation has no record before its end.
      if ((error as { statusCode?: unknown }).statusCode !== 404 && !isPassing(error)) throw error;
      lastProblem = messageOf(error);
    }
    if (clock.monotonicMs() + pauseMs > endMs)
      throw new HarvestError("OWH_DEADLINE", `${name} (${activationId}) did not end within ${deadlineMs} ms: ${lastProblem}.`);
    await clock.sleep(pauseMs, signal);
  }
}

/** Reads an ended activation; undefined for an answer that only promises one. */
function invocationOf(body: unknown): Invocation | undefined {
  if (!isObject(body)) return undefined;
  const { activationId, start, response } = body;
  if (typeof activationId !== "string" || typeof start !== "number" || !isObject(response)) return undefined;
  const { success, status, result } = response;
  return { activationId, startMs: start, success: success === true, status: typeof status === "string" ? status : "unknown", result };
}

/** The client cannot be interrupted; its answer is no longer waited for. */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason as Error);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    void promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
