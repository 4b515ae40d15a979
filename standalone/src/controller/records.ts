/** Records that the controller writes: of sequences and compositions (openwhisk-protocol, 3.3). */
import { annotationOf, type KeyValue } from "@openwhisk-harvest/core";
import type { ActivationMessage, ActivationRecord } from "../messages.js";
import { isObject } from "./json.js";
import type { ControllerParts, InvokeRequest } from "./parts.js";

export type ActivationResponse = ActivationRecord["response"];

export const applicationError = (error: string): ActivationResponse => ({ statusCode: 1, result: { error } });
export const whiskError = (error: string): ActivationResponse => ({ statusCode: 3, result: { error } });

/** What a sequence or composition adds up while its steps run. */
export interface Tally {
  /** Ids of the steps, in order; a nested composition or sequence counts with its own id. */
  readonly logs: string[];
  /** Sum of the steps' durations; the time between them is not the user's. */
  durationMs: number;
  /** The largest memory limit that a step reported. */
  maxMemoryMb: number | undefined;
}

export function newTally(maxMemoryMb?: number): Tally {
  return { logs: [], durationMs: 0, maxMemoryMb };
}

export function countStep(tally: Tally, record: ActivationRecord): void {
  tally.logs.push(record.activationId);
  tally.durationMs += record.duration;
  const limits = annotationOf(record.annotations, "limits");
  const memory = isObject(limits) ? limits["memory"] : undefined;
  if (typeof memory === "number") tally.maxMemoryMb = Math.max(tally.maxMemoryMb ?? 0, memory);
}

export interface EnclosingRun {
  readonly activationId: string;
  readonly startMs: number;
  readonly request: InvokeRequest;
  readonly tally: Tally;
  /** Set for compositions. */
  readonly conductor: boolean;
}

/** Makes the record of a sequence or composition that has ended now, and stores it. */
export function completeRun(parts: ControllerParts, run: EnclosingRun, response: ActivationResponse): ActivationRecord {
  const { user, action, cause } = run.request;
  const endMs = parts.clock.nowMs();
  const record: ActivationRecord = {
    namespace: user.namespace,
    name: simpleName(action),
    version: action.version,
    subject: user.subject,
    activationId: run.activationId,
    ...(cause !== undefined && { cause }),
    start: run.startMs,
    end: endMs,
    duration: run.tally.durationMs,
    response,
    logs: run.tally.logs,
    annotations: annotationsOf(run),
    publish: false,
  };
  parts.activations.store(record);
  return record;
}

/** The name without its package, as records have it. */
function simpleName({ name }: { readonly name: string }): string {
  return name.slice(name.lastIndexOf("/") + 1);
}

/** The record of an activation that reached no container: of a built-in, or of one for which there was no invoker in time. */
export function recordWithoutRun(message: ActivationMessage, response: ActivationResponse, nowMs: number): ActivationRecord {
  const { action, user, cause, activationId, createdAtMs } = message;
  return {
    namespace: user.namespace,
    name: simpleName(action),
    version: action.version,
    subject: user.subject,
    activationId,
    ...(cause !== undefined && { cause }),
    start: nowMs,
    end: nowMs,
    duration: 0,
    response,
    logs: [],
    annotations: [
      { key: "path", value: `${action.namespace}/${action.name}` },
      { key: "kind", value: action.exec.kind },
      { key: "timeout", value: false },
      { key: "limits", value: action.limits },
      { key: "waitTime", value: Math.max(0, nowMs - createdAtMs) },
      ...(cause !== undefined ? [{ key: "causedBy", value: "sequence" }] : []),
      ...(action.binding !== undefined ? [{ key: "binding", value: action.binding }] : []),
    ],
    publish: false,
  };
}

function annotationsOf({ request, startMs, tally, conductor }: EnclosingRun): KeyValue[] {
  const { action, cause, createdAtMs } = request;
  const { timeout, logs, concurrency } = action.limits;
  const annotations: KeyValue[] = [
    { key: "topmost", value: cause === undefined },
    { key: "path", value: `${action.namespace}/${action.name}` },
    { key: "kind", value: "sequence" },
  ];
  if (conductor) annotations.push({ key: "conductor", value: true });
  if (cause !== undefined) annotations.push({ key: "causedBy", value: "sequence" });
  if (action.binding !== undefined) annotations.push({ key: "binding", value: action.binding });
  annotations.push({ key: "waitTime", value: Math.max(0, startMs - createdAtMs) });
  if (tally.maxMemoryMb !== undefined)
    annotations.push({ key: "limits", value: { concurrency, logs, memory: tally.maxMemoryMb, timeout } });
  return annotations;
}
