/**
 * How a composition run stands: one row for each run of a function, and one for each function that has not run. Pure.
 *
 * Three sources say what they know, and the later of them in a run's life wins: the applier's events while it runs, the observation
 * once it has ended, and OpenWhisk's record, which may come last and is the only one that survives everything.
 */
import { type DagDescription, formatTrail, type Observation, type RunEvent, type RunKey, readRunKey } from "@openwhisk-harvest/core";
import { type ActivationView, componentsOfRun } from "@openwhisk-harvest/profiler";

export type FunctionState = "waiting" | "running" | "ended" | "not run" | Observation["outcome"];

export interface FunctionStatus {
  readonly function: string;
  readonly astPath: string;
  /** The forks above it, see core's run-key.ts; empty in the root run. */
  readonly trail: string;
  readonly state: FunctionState;
  readonly activationId?: string;
  readonly startedMs?: number;
  /** So far while it runs. */
  readonly durationMs?: number;
  /** The limit in force, or that was in force last; and the user allocation. */
  readonly cpuCores?: number;
  readonly userCpuCores?: number;
  readonly cpuUsedCores?: number;
  readonly cpuPeakCores?: number;
  readonly throttledMs?: number;
  readonly memoryMb?: number;
  readonly memoryUsedMb?: number;
  /** How often its CPU limit moved while it ran. */
  readonly moves?: number;
}

export interface RunStatus {
  readonly root: string;
  readonly compositionId?: string;
  readonly dag?: string;
  readonly state: "running" | "ended";
  readonly success?: boolean;
  readonly startedMs?: number;
  readonly durationMs?: number;
  readonly functions: readonly FunctionStatus[];
}

export interface RunKnowledge {
  readonly root: string;
  readonly compositionId?: string | undefined;
  readonly dag?: DagDescription | undefined;
  readonly records: readonly ActivationView[];
  readonly events: readonly RunEvent[];
  /** What Redis has, of runs whose records are not there yet. */
  readonly observations: readonly Observation[];
  readonly nowMs: number;
}

export function runStatus(known: RunKnowledge): RunStatus {
  const { root, compositionId, dag, records, nowMs } = known;
  const composition = records.find(({ activationId }) => activationId === compositionId);
  const first = composition ?? records.find(({ activationId }) => activationId === root);
  const endedMs = composition?.end;
  const runs = [...runsOf(known).values()].sort((a, b) => (a.startedMs ?? 0) - (b.startedMs ?? 0) || a.astPath.localeCompare(b.astPath));
  const seen = new Set(runs.map(({ astPath }) => astPath));
  const idle = (dag?.functions ?? []).filter(({ astPath }) => !seen.has(astPath));
  return {
    root,
    ...(compositionId === undefined ? {} : { compositionId }),
    ...(dag ? { dag: `/${dag.namespace}/${dag.name}` } : {}),
    state: endedMs === undefined ? "running" : "ended",
    ...(composition?.response.success === undefined ? {} : { success: composition.response.success }),
    ...(first ? { startedMs: first.start, durationMs: (endedMs ?? nowMs) - first.start } : {}),
    functions: [
      ...runs,
      ...idle.map(
        ({ name, astPath, user }): FunctionStatus => ({
          ...{ function: name, astPath, trail: "", state: endedMs === undefined ? "waiting" : "not run" },
          ...(user.cpuCores === undefined ? {} : { userCpuCores: user.cpuCores }),
          memoryMb: user.memoryMb,
        }),
      ),
    ],
  };
}

/** By activation, so that a function in a loop has a row for each round. */
function runsOf({ root, dag, records, events, observations, nowMs }: RunKnowledge): Map<string, FunctionStatus> {
  const runs = new Map<string, FunctionStatus>();
  const nameOf = ({ astPath }: RunKey) => dag?.functions.find((fn) => fn.astPath === astPath)?.name;
  const ours = (k: string | undefined) => {
    const key = readRunKey(k); // out of a container: it may be anything
    return key?.root === root ? key : undefined;
  };
  const begin = (key: RunKey, name: string) => ({ function: name, astPath: key.astPath, trail: formatTrail(key.trail) });

  for (const event of events) {
    const key = ours(event.k);
    if (!key) continue;
    const before = runs.get(event.activationId) ?? { ...begin(key, nameOf(key) ?? "?"), state: "running" as const };
    runs.set(event.activationId, afterEvent({ ...before, activationId: event.activationId }, event, nowMs));
  }
  for (const observation of observations) {
    const key = ours(observation.k);
    const before = runs.get(observation.activationId);
    if (key) runs.set(observation.activationId, { ...before, ...begin(key, nameOf(key) ?? "?"), ...observed(observation) });
  }
  for (const { record, key, observation } of componentsOfRun(root, records))
    runs.set(record.activationId, {
      ...begin(key, nameOf(key) ?? record.name),
      ...observed(observation),
      startedMs: record.start,
      ...(record.end === undefined ? {} : { durationMs: record.end - record.start }),
    });
  return runs;
}

function afterEvent(before: FunctionStatus, { type, atMs, lease }: RunEvent, nowMs: number): FunctionStatus {
  const startedMs = type === "start" ? atMs : before.startedMs;
  const untilMs = type === "end" ? atMs : nowMs;
  const durationMs = startedMs === undefined ? undefined : Math.max(0, untilMs - startedMs);
  const { cpuCores, memoryMb } = lease?.limits ?? {};
  const heardMs = startedMs === undefined ? 0 : atMs - startedMs;
  return {
    ...before,
    state: type === "end" ? "ended" : before.state,
    ...(startedMs === undefined ? {} : { startedMs }),
    ...(durationMs === undefined ? {} : { durationMs }),
    ...(cpuCores === undefined ? {} : { cpuCores }),
    ...(memoryMb === undefined ? {} : { memoryMb }),
    ...(lease?.usedCoreMs !== undefined && heardMs > 0 ? { cpuUsedCores: lease.usedCoreMs / heardMs } : {}),
    ...(lease?.usedMemoryMb === undefined ? {} : { memoryUsedMb: lease.usedMemoryMb }),
  };
}

function observed(observation: Observation): Omit<FunctionStatus, "function" | "astPath" | "trail"> {
  const { activationId, outcome, durationMs, allocated, user, moved, cpuMeanCores, cpuPeakCores, throttledMs, memoryPeakMb } = observation;
  const cpuCores = moved?.lastCpuCores ?? allocated.cpuCores;
  return {
    activationId,
    state: outcome,
    durationMs,
    ...(cpuCores === undefined ? {} : { cpuCores }),
    ...(user.cpuCores === undefined ? {} : { userCpuCores: user.cpuCores }),
    cpuUsedCores: cpuMeanCores,
    cpuPeakCores,
    ...(throttledMs === undefined ? {} : { throttledMs }),
    memoryMb: allocated.memoryMb,
    memoryUsedMb: memoryPeakMb,
    ...(moved ? { moves: moved.times } : {}),
  };
}
