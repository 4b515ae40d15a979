/**
 * From the stored records of one composition run to profile documents (paper, 3.5.1 "Function Input Extractor").
 *
 * A component's input is the `params` that the conductor step directly before it, in its session's `logs`, returned: OpenWhisk
 * stores those, so nothing is asked of user code. A branch is a session of its own, so its components have another `cause`.
 */
import { type DagDescription, type Grid, inputBytesOf, isObject, type Profile } from "@openwhisk-harvest/core";
import { type ActivationView, byActivationId, type ComponentRecord, componentsOfRun } from "./activation-view.js";

/** Why a run of a function has no profile. Codes are stable. */
export type LeftOutReason =
  /** Its record bears no observation. */
  | "no-observation"
  /** The session lists it, but its record is not there (yet). */
  | "record-missing"
  /** The DAG has no function at the AST path of its key: it was deployed anew. */
  | "unknown-function"
  | "no-end-time"
  /** Its record names no session, or one whose record is not there. */
  | "session-record-missing"
  /** Its session does not list it, or lists no step before it. */
  | "not-in-session"
  | "conductor-record-missing"
  /** The conductor step before it did not return an action with its parameters. */
  | "conductor-result-unreadable";

export interface LeftOut {
  readonly activationId: string;
  readonly reason: LeftOutReason;
}

export interface RunRecords {
  readonly dag: DagDescription;
  /** R of the run. */
  readonly root: string;
  readonly dagInputBytes: number;
  /** The grid in force, stored with every measurement. */
  readonly grid: Grid;
  /** Records of the run, its sessions' included; foreign ones and duplicates do no harm. */
  readonly activations: readonly ActivationView[];
}

/** The profiles of one composition run, in the order of their start, and what had to be left out. */
export function profilesOfRun(run: RunRecords): { profiles: Profile[]; leftOut: LeftOut[] } {
  const records = byActivationId(run.activations);
  const components = componentsOfRun(run.root, records.values());
  const profiles: Profile[] = [];
  const leftOut: LeftOut[] = unobservedSteps(run.root, components, records);
  for (const component of components) {
    const made = profileOf(run, component, records);
    if (typeof made === "string") leftOut.push({ activationId: component.record.activationId, reason: made });
    else profiles.push(made);
  }
  profiles.sort((a, b) => a.startMs - b.startMs || a.functionIndex - b.functionIndex);
  return { profiles, leftOut };
}

function profileOf(run: RunRecords, component: ComponentRecord, records: ReadonlyMap<string, ActivationView>): Profile | LeftOutReason {
  const { record, key, observation } = component;
  const { dag, root, dagInputBytes, grid } = run;
  const dagFunction = dag.functions.find((f) => f.astPath === key.astPath);
  if (!dagFunction) return "unknown-function";
  if (record.end === undefined) return "no-end-time";
  const params = paramsOf(record, records);
  if (typeof params === "string") return params;
  return {
    v: 1,
    namespace: dag.namespace,
    dag: dag.name,
    dagVersion: dag.version,
    root,
    functionIndex: dagFunction.index,
    stage: dagFunction.stage,
    dagInputBytes,
    functionInputBytes: inputBytesOf(params),
    grid,
    startMs: record.start,
    endMs: record.end,
    observation,
  };
}

type Params = Readonly<Record<string, unknown>>;

/** What the conductor passed to this component, or why that cannot be told. */
function paramsOf(component: ActivationView, records: ReadonlyMap<string, ActivationView>): Params | LeftOutReason {
  const session = component.cause === undefined ? undefined : records.get(component.cause);
  if (!session) return "session-record-missing";
  const conductorId = session.logs[session.logs.indexOf(component.activationId) - 1];
  if (conductorId === undefined) return "not-in-session";
  const conductor = records.get(conductorId);
  if (!conductor) return "conductor-record-missing";
  return invocationOf(conductor)?.params ?? "conductor-result-unreadable";
}

/** What a conductor step asked to be invoked; undefined when it asked for nothing. */
function invocationOf(step: ActivationView): { params: Params; isWait: boolean } | undefined {
  const { result } = step.response;
  if (!isObject(result) || typeof result["action"] !== "string") return undefined;
  const { params, state } = result;
  const composer = isObject(state) ? state["$composer"] : undefined;
  return {
    // OpenWhisk boxes parameters that are no object (PrimitiveActions.scala).
    params: isObject(params) ? params : params === undefined ? {} : { value: params },
    // A conductor that waits for its branches longer than one activation may last calls `echo` in between (composer.js `fork`).
    isWait: isObject(composer) && composer["collect"] !== undefined,
  };
}

/** Steps that the run's known sessions list as components, and of which nothing was observed. */
function unobservedSteps(root: string, components: readonly ComponentRecord[], records: ReadonlyMap<string, ActivationView>): LeftOut[] {
  const observed = new Set(components.map(({ record }) => record.activationId));
  const sessions = new Set(components.flatMap(({ record }) => record.cause ?? []));
  for (const record of records.values()) if (record.logs[0] === root) sessions.add(record.activationId);
  const found: LeftOut[] = [];
  for (const sessionId of sessions) {
    const steps = records.get(sessionId)?.logs ?? [];
    for (const [i, activationId] of steps.entries()) {
      const before = records.get(steps[i - 1] ?? "");
      const invocation = before && invocationOf(before);
      if (!invocation || invocation.isWait || observed.has(activationId)) continue;
      const record = records.get(activationId);
      if (!record) found.push({ activationId, reason: "record-missing" });
      else if (!isSession(record)) found.push({ activationId, reason: "no-observation" });
    }
  }
  return found;
}

/** A called composition or a sequence: its steps have records of their own. */
function isSession(record: ActivationView): boolean {
  return record.annotations.some(({ key, value }) => key === "conductor" || (key === "kind" && value === "sequence"));
}
