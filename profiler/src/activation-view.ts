/** An activation record as OpenWhisk's REST API shows it (openwhisk: WhiskActivation.scala), as far as the profiler reads it. */
import { isObject, type KeyValue, type Observation, observationInLogs, type RunKey, readRunKey } from "@openwhisk-harvest/core";

export interface ActivationView {
  readonly activationId: string;
  readonly namespace?: string;
  readonly name: string;
  /** Wall clock, ms since the epoch. */
  readonly start: number;
  readonly end?: number;
  /** The session (composition or sequence) this activation is a step of. */
  readonly cause?: string;
  /** Log lines; for a composition the ids of its steps, in order. */
  readonly logs: readonly string[];
  readonly response: { readonly result?: unknown; readonly status?: string; readonly success?: boolean };
  readonly annotations: readonly KeyValue[];
}

/** Reads a record as it came over the wire; undefined when it is none. Fields we do not read are left out. */
export function activationView(document: unknown): ActivationView | undefined {
  if (!isObject(document)) return undefined;
  const { activationId, namespace, name, start, end, cause, logs, response, annotations } = document;
  if (typeof activationId !== "string" || typeof name !== "string" || typeof start !== "number") return undefined;
  return {
    activationId,
    name,
    start,
    ...(typeof namespace === "string" ? { namespace } : {}),
    // OpenWhisk stores 0 for "has not ended".
    ...(typeof end === "number" && end >= start ? { end } : {}),
    ...(typeof cause === "string" ? { cause } : {}),
    logs: Array.isArray(logs) ? logs.filter((line): line is string => typeof line === "string") : [],
    response: isObject(response) ? response : {},
    annotations: Array.isArray(annotations) ? annotations.filter((a): a is KeyValue => isObject(a) && typeof a["key"] === "string") : [],
  };
}

/** Records by activation id; of duplicates, which paging through a growing list produces, the last one stays. */
export function byActivationId(activations: Iterable<ActivationView>): Map<string, ActivationView> {
  const records = new Map<string, ActivationView>();
  for (const record of activations) records.set(record.activationId, record);
  return records;
}

/** R of a composition run: the first id in its record's logs (architecture, 6). */
export function rootOf(compositionRecord: Pick<ActivationView, "logs">): string | undefined {
  return compositionRecord.logs[0];
}

/** One run of a function inside a composition run, as its own record proves it. */
export interface ComponentRecord {
  readonly record: ActivationView;
  readonly key: RunKey;
  readonly observation: Observation;
}

/** The components of the composition run `root`: the records whose observation bears a run key with that root. Foreign ones are left aside. */
export function componentsOfRun(root: string, activations: Iterable<ActivationView>): ComponentRecord[] {
  const components: ComponentRecord[] = [];
  for (const record of byActivationId(activations).values()) {
    const observation = observationInLogs(record.logs, record.activationId);
    const key = readRunKey(observation?.k); // among a function's own output: it may be anything
    if (observation && key?.root === root) components.push({ record, key, observation });
  }
  return components;
}

/** The roots of all composition runs of which these records hold an observed component. */
export function observedRoots(activations: Iterable<ActivationView>): Set<string> {
  const roots = new Set<string>();
  for (const { logs, activationId } of activations) {
    const k = observationInLogs(logs, activationId)?.k;
    const root = readRunKey(k)?.root;
    if (root !== undefined) roots.add(root);
  }
  return roots;
}
