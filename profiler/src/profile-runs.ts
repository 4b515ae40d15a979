/**
 * Max-allocation runs (paper, 3.5.1): the composition is invoked with one input after another, every function with the largest
 * allocation of the grid, and what the runs show is stored as profiles. A run that fails is a data point, not the end.
 */
import { createHash } from "node:crypto";
import {
  type AllocationStore,
  type Clock,
  type DagDescription,
  type Exclusion,
  type Grid,
  HarvestError,
  inputBytesOf,
  messageOf,
  type Profile,
  type ProfileStore,
} from "@openwhisk-harvest/core";
import { type OpenWhiskClient, readRunActivations } from "./activation-reader.js";
import { type Invocation, invokeAndWait } from "./invoke.js";
import { withProfileMode } from "./profile-mode.js";
import { type LeftOut, profilesOfRun } from "./run-records.js";

export interface ProfileDag {
  readonly client: OpenWhiskClient;
  readonly dag: DagDescription;
  /** Parameters of the runs, in order. */
  readonly inputs: readonly Readonly<Record<string, unknown>>[];
  /** Switches the namespace to mode `profile`; its own mode is restored in any case. */
  readonly allocations: Pick<AllocationStore, "modes" | "setModes">;
  readonly profiles: Pick<ProfileStore, "put">;
  readonly grid: Grid;
  readonly clock: Clock;
  /** Where to go on after an interruption: the `nextIndex` of its summary. */
  readonly firstIndex?: number;
  /** Observed function runs per composition run; by default one of each function that can be observed. */
  readonly expectedComponents?: number;
  /** Longest time of one run; 10 minutes by default. */
  readonly runDeadlineMs?: number;
  /** Longest wait for the records of a run that has ended; 30 s by default. */
  readonly recordsDeadlineMs?: number;
  /** Called once at the beginning and after each run; `etaMs` is absent until a run has been timed. */
  readonly onProgress?: (progress: { done: number; total: number; etaMs?: number }) => void;
  /** Stops after the current step; the summary tells where. */
  readonly signal?: AbortSignal;
}

export interface ProfiledRun {
  readonly index: number;
  /** The input's number and the beginning of its digest: equal for equal inputs, whenever they run. */
  readonly label: string;
  readonly compositionId: string;
  /** R. */
  readonly root: string;
  readonly dagInputBytes: number;
  readonly profiles: number;
  /** Function runs without a profile. */
  readonly leftOut: readonly LeftOut[];
}

export interface ProfilingSummary {
  readonly runs: readonly ProfiledRun[];
  readonly failed: readonly { readonly index: number; readonly label: string; readonly reason: string }[];
  /** How many profiles were stored. */
  readonly profiles: number;
  /** The first input that was not run; the number of inputs when all were. */
  readonly nextIndex: number;
}

const RUN_DEADLINE_MS = 600_000;
const RECORDS_DEADLINE_MS = 30_000;

/** Clocks of invokers and controller may differ by this much; records from before the run are foreign and do no harm. */
const CLOCK_SKEW_MS = 2_000;

/** Functions of these kinds run outside of what we wrap, and leave no observation. */
const UNOBSERVED: readonly Exclusion[] = ["action-unknown", "called-composition", "sequence-action"];

/** Rejects with OWH_PROFILE_FAILED when no run at all gave a profile, or when harvesting is off. */
export async function profileDag(task: ProfileDag): Promise<ProfilingSummary> {
  const summary = await withProfileMode(task.allocations, task.dag.namespace, () => runAll(task));
  if (summary.profiles === 0 && !task.signal?.aborted)
    throw new HarvestError(
      "OWH_PROFILE_FAILED",
      `None of the ${task.inputs.length} runs of ${task.dag.namespace}/${task.dag.name} gave a profile. ${summary.failed[0]?.reason ?? ""}`.trim(),
    );
  return summary;
}

async function runAll(task: ProfileDag): Promise<ProfilingSummary> {
  const { inputs, clock, signal, firstIndex = 0, onProgress } = task;
  const runs: ProfiledRun[] = [];
  const failed: { index: number; label: string; reason: string }[] = [];
  const startedMs = clock.monotonicMs();
  onProgress?.({ done: firstIndex, total: inputs.length });
  let index = firstIndex;
  for (const params of inputs.slice(firstIndex)) {
    const label = labelOf(index, params);
    try {
      signal?.throwIfAborted();
      runs.push(await runOnce(task, index, label, params));
    } catch (error) {
      if (signal?.aborted) break;
      failed.push({ index, label, reason: messageOf(error) });
    }
    index++;
    const perRunMs = (clock.monotonicMs() - startedMs) / (index - firstIndex);
    onProgress?.({ done: index, total: inputs.length, etaMs: perRunMs * (inputs.length - index) });
  }
  return { runs, failed, profiles: runs.reduce((sum, run) => sum + run.profiles, 0), nextIndex: index };
}

function labelOf(index: number, params: unknown): string {
  return `${index}-${createHash("sha256").update(JSON.stringify(params)).digest("hex").slice(0, 12)}`;
}

async function runOnce(task: ProfileDag, index: number, label: string, params: Readonly<Record<string, unknown>>): Promise<ProfiledRun> {
  const { client, dag, clock, signal, runDeadlineMs = RUN_DEADLINE_MS } = task;
  const name = `/${dag.namespace}/${dag.name}`;
  const invocation = await invokeAndWait({ client, name, params, clock, deadlineMs: runDeadlineMs, ...(signal && { signal }) });
  if (!invocation.success)
    throw new HarvestError("OWH_PROFILE_FAILED", `The run ${invocation.activationId} ended as ${invocation.status}.`);
  const dagInputBytes = inputBytesOf(params);
  const { root, profiles, leftOut } = await collect(task, invocation, dagInputBytes);
  for (const profile of profiles) await task.profiles.put(profile);
  return { index, label, compositionId: invocation.activationId, root, dagInputBytes, profiles: profiles.length, leftOut };
}

async function collect(task: ProfileDag, { activationId, startMs }: Invocation, dagInputBytes: number) {
  const { client, dag, grid, clock, signal, recordsDeadlineMs = RECORDS_DEADLINE_MS } = task;
  const activations = await readRunActivations({
    client,
    compositionId: activationId,
    sinceMs: startMs - CLOCK_SKEW_MS,
    expectedComponents: task.expectedComponents ?? observable(dag),
    deadlineMs: recordsDeadlineMs,
    clock,
    ...(signal && { signal }),
  });
  const root = activations.find((record) => record.activationId === activationId)?.logs[0] as string;
  const collected = profilesOfRun({ dag, root, dagInputBytes, grid, activations });
  requireProfileMode(collected.profiles);
  return { root, ...collected };
}

function observable(dag: DagDescription): number {
  return dag.functions.filter((f) => f.excluded === undefined || !UNOBSERVED.includes(f.excluded)).length;
}

/** Runs under lesser allocations say nothing of demands, so it must be told when the appliers do not follow the mode. */
function requireProfileMode(profiles: readonly Profile[]): void {
  const other = profiles.find(({ observation }) => observation.mode !== "profile");
  if (other)
    throw new HarvestError(
      "OWH_PROFILE_FAILED",
      `The function run ${other.observation.activationId} was under mode ${other.observation.mode} instead of profile.`,
    );
}
