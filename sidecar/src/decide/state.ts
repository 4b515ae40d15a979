/**
 * What a decision is made from, and what comes of it. The state is immutable and complete: the live service, a dry run,
 * a simulator and the tests call the same functions and differ only in where the state comes from.
 */
import type { Allocation, Config, Decision, Grid, Mode, Model, PolicyName } from "@openwhisk-harvest/core";
import type { SharingDag } from "./sharing.js";

export interface DecisionState {
  readonly dag: SharingDag;
  /** The newest usable model of the DAG, if there is one. */
  readonly model?: Model;
  /** Size of the composition run's input (architecture, 2). */
  readonly inputBytes: number;
  readonly grid: Grid;
  readonly mode: Mode;
  readonly policy: PolicyName;
  /** Fewer profiled runs of a function than this, and its prediction is not trusted. */
  readonly minSamples: Config["decision"]["minSamples"];
  /** Policy `makespan`: how much of the way from the mean to the 99th percentile is added to a demand. */
  readonly marginSpread: Config["decision"]["marginSpread"];
  /** Whether a stage was split the last time (hysteresis.ts); none was when absent. */
  readonly wasSplit?: (forkPath: string) => boolean;
  readonly namespace: string;
  /** R, see core's run-key.ts. */
  readonly root: string;
}

/** A decision before it has an id and a time, and before anything was published. */
export interface DecisionDraft extends Omit<Decision, "id" | "published" | "decidedAtMs" | "stepMs"> {
  /** What the Harvesting Validator found wrong with a policy's splits: a bug of ours, for the log and the metrics. */
  readonly faults: readonly string[];
}

/** CPU and memory are decided apart, by the same steps. */
export type Resource = keyof Allocation;

/**
 * Only these modes look at stages: `off` must cost nothing (H4), and `profile` gives every function the maximum anyway.
 */
export function decidesStages(mode: Mode): boolean {
  return mode === "observe" || mode === "harvest";
}
