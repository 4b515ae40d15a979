/** Sends requests one after another and reads back the records OpenWhisk keeps of each. */
import { type Clock, type DagDescription, HarvestError } from "@openwhisk-harvest/core";
import { type ActivationView, invokeAndWait, type OpenWhiskClient, readRunActivations, rootOf } from "@openwhisk-harvest/profiler";

export interface SendRequests {
  readonly client: OpenWhiskClient;
  readonly dag: DagDescription;
  readonly inputs: readonly Record<string, unknown>[];
  readonly clock: Clock;
  readonly onDone: (done: number) => void;
  readonly signal?: AbortSignal;
}

export interface SentRequest {
  /** The composition's own record. */
  readonly composition: ActivationView;
  /** R. */
  readonly root: string;
  /** Everything the namespace ran since the request was sent. */
  readonly activations: readonly ActivationView[];
}

/** Longest time of one request; the slowest of the demo takes some seconds. */
const REQUEST_DEADLINE_MS = 120_000;
/** Records are written after the answers; on a busy machine they have all arrived long before this. */
const RECORDS_DEADLINE_MS = 10_000;

export async function sendRequests(task: SendRequests): Promise<SentRequest[]> {
  const sent: SentRequest[] = [];
  for (const params of task.inputs) {
    task.signal?.throwIfAborted();
    sent.push(await sendRequest(task, params));
    task.onDone(sent.length);
  }
  return sent;
}

async function sendRequest({ client, dag, clock, signal }: SendRequests, params: Record<string, unknown>): Promise<SentRequest> {
  const abort = signal ? { signal } : {};
  const name = `/${dag.namespace}/${dag.name}`;
  const ended = await invokeAndWait({ client, name, params, deadlineMs: REQUEST_DEADLINE_MS, clock, ...abort });
  const activations = await readRunActivations({
    client,
    compositionId: ended.activationId,
    sinceMs: ended.startMs,
    // A failed request has run some of its functions, or none.
    expectedComponents: ended.success ? dag.functions.length : 0,
    deadlineMs: RECORDS_DEADLINE_MS,
    clock,
    ...abort,
  });
  const composition = activations.find((a) => a.activationId === ended.activationId);
  const root = composition && rootOf(composition);
  if (!composition || !root) throw new HarvestError("OWH_NOT_FOUND", `The record of ${ended.activationId} names no conductor run.`);
  return { composition, root, activations };
}
