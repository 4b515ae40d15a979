/** The record of an activation (openwhisk-protocol, 1.4 and 4.3; ContainerProxy.scala, constructWhiskActivation). Pure. */
import type { KeyValue } from "@openwhisk-harvest/core";
import type { ActivationMessage, ActivationRecord, LongLogs } from "../messages.js";
import type { ActivationResponse } from "./response-mapping.js";

/** Wall clock, ms since the epoch. */
export interface Interval {
  readonly startMs: number;
  readonly endMs: number;
}

export interface ActivationFacts {
  /** Only of a cold start. */
  readonly init?: Interval;
  /** Absent when initialization failed, or there was no container to run in. */
  readonly run?: Interval;
  readonly response: ActivationResponse;
  readonly timedOut: boolean;
  readonly logs: readonly string[];
  readonly longLogs?: LongLogs;
}

/** `nowMs` stands for both ends when no container was reached at all. */
export function activationRecord(message: ActivationMessage, facts: ActivationFacts, nowMs: number): ActivationRecord {
  const { action, user, activationId, cause } = message;
  const { init, run, response, logs, longLogs } = facts;
  const initMs = init ? init.endMs - init.startMs : 0;
  const total: Interval = run ? { startMs: run.startMs - initMs, endMs: run.endMs } : (init ?? { startMs: nowMs, endMs: nowMs });
  return {
    namespace: user.namespace,
    name: action.name.split("/").at(-1) ?? action.name,
    version: action.version,
    subject: user.subject,
    activationId,
    ...(cause === undefined ? {} : { cause }),
    start: total.startMs,
    end: total.endMs,
    duration: total.endMs - total.startMs,
    response,
    logs,
    ...(longLogs && { longLogs }),
    annotations: annotationsOf(message, facts, (init ?? total).startMs),
    publish: false,
  };
}

function annotationsOf(message: ActivationMessage, { init, timedOut }: ActivationFacts, firstContactMs: number): KeyValue[] {
  const { action, cause, createdAtMs } = message;
  return [
    { key: "limits", value: action.limits },
    { key: "path", value: `${action.namespace}/${action.name}` },
    { key: "kind", value: action.exec.kind },
    { key: "timeout", value: timedOut },
    ...(cause === undefined ? [] : [{ key: "causedBy", value: "sequence" }]),
    ...(init ? [{ key: "initTime", value: init.endMs - init.startMs }] : []),
    { key: "waitTime", value: Math.max(0, firstContactMs - createdAtMs) },
  ];
}
