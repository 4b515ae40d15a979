/**
 * Max-allocation runs (paper, 3.5.1): the composition is invoked with one input after another, every function with the largest
 * allocation of the grid, and what the runs show is stored as profiles. A run that fails is a data point with its reason, not the end.
 */
import { createHash } from "node:crypto";
import {
  type AllocationStore,
  type Clock,
  type DagDescription,
  type Grid,
  HarvestError,
  messageOf,
  type ProfileStore,
} from "@openwhisk-harvest/core";
import type { OpenWhiskClient } from "./activation-reader.js";
import { withProfileMode } from "./profile-mode.js";
import { FailedRun, type OneRun, profileRun, RECORDS_DEADLINE_MS, RUN_DEADLINE_MS } from "./profile-run.js";

export interface ProfileDag {
  readonly client: OpenWhiskClient;
  readonly dag: DagDescription;
  /** Parameters of the runs, in order. */
  readonly inputs: readonly Readonly<Record<string, unknown>>[];
  /** Holds the namespace in mode `profile`; its own mode is in force again in any case, also when this process is killed. */
  readonly allocations: Pick<AllocationStore, "changeModes">;
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
  /** Called when a run is over and what it showed is stored: where to go on if this process ends here, and what failed so far. */
  readonly onRunDone?: (state: { readonly nextIndex: number; readonly failed: readonly FailedInput[] }) => Promise<void> | void;
  /** Stops after the current step; the summary tells where. */
  readonly signal?: AbortSignal;
}

export interface ProfiledRun extends OneRun {
  readonly index: number;
  /** The input's number and the beginning of its digest: equal for equal inputs, whenever they run. */
  readonly label: string;
}

export interface FailedInput {
  readonly index: number;
  readonly label: string;
  readonly reason: string;
}

export interface ProfilingSummary {
  readonly runs: readonly ProfiledRun[];
  readonly failed: readonly FailedInput[];
  /** How many profiles were stored, those of failed runs included. */
  readonly profiles: number;
  /** The first input that was not run; the number of inputs when all were. */
  readonly nextIndex: number;
}

/** On a busy host Redis may be late for an applier, which then gives the user allocation. */
const MOST_TRIES = 3;

/** What a try takes beside its run and its records: asking, storing, and a host that is late. */
const SLACK_MS = 60_000;

/** Rejects with OWH_PROFILE_FAILED when not one run was usable, or when harvesting is off. */
export async function profileDag(task: ProfileDag): Promise<ProfilingSummary> {
  const { allocations: modes, clock, runDeadlineMs = RUN_DEADLINE_MS, recordsDeadlineMs = RECORDS_DEADLINE_MS } = task;
  const hold = { modes, namespace: task.dag.namespace, clock, holdMs: runDeadlineMs + recordsDeadlineMs + SLACK_MS };
  const summary = await withProfileMode(hold, (renew) => runAll(task, renew));
  const [first] = summary.failed;
  if (first && summary.runs.length === 0 && !task.signal?.aborted)
    throw new HarvestError(
      "OWH_PROFILE_FAILED",
      `None of the ${summary.failed.length} runs of ${task.dag.namespace}/${task.dag.name} is usable. ${first.reason}`,
    );
  return summary;
}

async function runAll(task: ProfileDag, renew: () => Promise<void>): Promise<ProfilingSummary> {
  const { inputs, clock, signal, firstIndex = 0, onProgress, onRunDone } = task;
  const runs: ProfiledRun[] = [];
  const failed: FailedInput[] = [];
  let profiles = 0;
  const startedMs = clock.monotonicMs();
  onProgress?.({ done: firstIndex, total: inputs.length });
  let index = firstIndex;
  for (const params of inputs.slice(firstIndex)) {
    const label = labelOf(index, params);
    try {
      const { run, stored } = await runPatiently(task, params, renew);
      profiles += stored;
      if (run instanceof FailedRun) failed.push({ index, label, reason: run.message });
      else runs.push({ index, label, ...run });
    } catch (error) {
      if (signal?.aborted) break;
      failed.push({ index, label, reason: messageOf(error) });
    }
    index++;
    await onRunDone?.({ nextIndex: index, failed });
    const perRunMs = (clock.monotonicMs() - startedMs) / (index - firstIndex);
    onProgress?.({ done: index, total: inputs.length, etaMs: perRunMs * (inputs.length - index) });
  }
  return { runs, failed, profiles, nextIndex: index };
}

/** Tries again where that may help; `stored` counts the profiles of all tries. */
async function runPatiently(
  task: ProfileDag,
  params: Readonly<Record<string, unknown>>,
  renew: () => Promise<void>,
): Promise<{ run: OneRun | FailedRun; stored: number }> {
  let stored = 0;
  for (let tries = 1; ; tries++) {
    task.signal?.throwIfAborted();
    await renew();
    const run = await profileRun(task, params).catch((error: unknown) => {
      if (error instanceof FailedRun) return error;
      throw error;
    });
    stored += run.profiles;
    if (tries === MOST_TRIES || !(run instanceof FailedRun) || !run.mayPass) return { run, stored };
  }
}

function labelOf(index: number, params: unknown): string {
  return `${index}-${createHash("sha256").update(JSON.stringify(params)).digest("hex").slice(0, 12)}`;
}
