/**
 * One max-allocation run: invoked, waited for, read and stored. What a failed one left behind is stored, too, with the
 * reason.
 */
import {
  type Clock,
  type DagDescription,
  type Grid,
  HarvestError,
  inputBytesOf,
  type Profile,
  type ProfileStore,
} from "@openwhisk-harvest/core";
import { type OpenWhiskClient, readRunActivations } from "./activation-reader.js";
import { type Invocation, invokeAndWait } from "./invoke.js";
import { type LeftOut, profilesOfRun } from "./run-records.js";

export interface ProfileRun {
  readonly client: OpenWhiskClient;
  readonly dag: DagDescription;
  readonly profiles: Pick<ProfileStore, "put">;
  readonly grid: Grid;
  readonly clock: Clock;
  /** Observed function runs per composition run; by default one of each function that can be observed. */
  readonly expectedComponents?: number;
  /** Longest time of one run; 10 minutes by default. */
  readonly runDeadlineMs?: number;
  /** Longest wait for the records of a run that has ended; 30 s by default. */
  readonly recordsDeadlineMs?: number;
  readonly signal?: AbortSignal;
}

export interface OneRun {
  readonly compositionId: string;
  /** R. */
  readonly root: string;
  readonly dagInputBytes: number;
  /** How many were stored. */
  readonly profiles: number;
  /** Function runs without a profile. */
  readonly leftOut: readonly LeftOut[];
}

/** A run that cannot be used as a whole, though single functions of it may have been stored. OWH_PROFILE_FAILED. */
export class FailedRun extends HarvestError {
  /** How many were stored. */
  readonly profiles: number;
  /** The run itself was well, but an applier did not hear of the mode in time: the next try may be luckier. */
  readonly mayPass: boolean;

  constructor(reason: string, profiles: number, mayPass: boolean) {
    super("OWH_PROFILE_FAILED", reason);
    this.profiles = profiles;
    this.mayPass = mayPass;
  }
}

export const RUN_DEADLINE_MS = 600_000;
export const RECORDS_DEADLINE_MS = 30_000;

/**
 * Clocks of invokers and controller may differ by this much; records from before the run are foreign and do no harm.
 */
const CLOCK_SKEW_MS = 2_000;

/** Rejects with a FailedRun, or with what kept the run from being invoked or read at all. */
export async function profileRun(task: ProfileRun, params: Readonly<Record<string, unknown>>): Promise<OneRun> {
  const { client, dag, clock, signal, runDeadlineMs = RUN_DEADLINE_MS } = task;
  const name = `/${dag.namespace}/${dag.name}`;
  const invocation = await invokeAndWait({ client, name, params, clock, deadlineMs: runDeadlineMs, ...(signal && { signal }) });
  const { activationId: compositionId, success, status } = invocation;
  const dagInputBytes = inputBytesOf(params);
  const collected = await collect(task, invocation, dagInputBytes);
  // Runs under lesser allocations say nothing of demands, so it must be told when the appliers do not follow the mode.
  const other = collected.profiles.find(({ observation }) => observation.mode !== "profile")?.observation;
  const otherMode = other && `The function run ${other.activationId} was under mode ${other.mode} instead of profile.`;
  const runFailed = success ? otherMode : `The run ${compositionId} ended as ${status}.`;
  const kept = collected.profiles.filter(({ observation }) => observation.mode === "profile");
  for (const profile of kept) await task.profiles.put(runFailed === undefined ? profile : { ...profile, runFailed });
  if (runFailed !== undefined) throw new FailedRun(runFailed, kept.length, success);
  return { compositionId, root: collected.root, dagInputBytes, profiles: kept.length, leftOut: collected.leftOut };
}

interface Collected {
  readonly root: string;
  readonly profiles: readonly Profile[];
  readonly leftOut: readonly LeftOut[];
}

async function collect(task: ProfileRun, { activationId, startMs, success }: Invocation, dagInputBytes: number): Promise<Collected> {
  const { client, dag, grid, clock, signal, recordsDeadlineMs = RECORDS_DEADLINE_MS } = task;
  const read = {
    client,
    compositionId: activationId,
    sinceMs: startMs - CLOCK_SKEW_MS,
    // It is not known how far a failed run came: its own record and those of its steps are waited for.
    expectedComponents: success ? (task.expectedComponents ?? observable(dag)) : 0,
    deadlineMs: recordsDeadlineMs,
    clock,
    ...(signal && { signal }),
  };
  try {
    const activations = await readRunActivations(read);
    const root = activations.find((record) => record.activationId === activationId)?.logs[0] as string;
    return { root, ...profilesOfRun({ dag, root, dagInputBytes, grid, activations }) };
  } catch (error) {
    // That the run failed is the reason to tell; a run that failed before its first step has no steps.
    if (success || !(error instanceof HarvestError && error.code === "OWH_DEADLINE")) throw error;
    return { root: "", profiles: [], leftOut: [] };
  }
}

/** Only plain actions of the job run inside of what we wrap, and leave an observation. */
function observable(dag: DagDescription): number {
  return dag.functions.filter(({ role }) => role === undefined).length;
}
