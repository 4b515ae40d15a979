/** What the sidecar decides for one composition run, with everything needed to explain it (architecture, 5). */
import type { Allocation, UserAllocation } from "./allocation.js";
import type { Exclusion } from "./exclusion.js";
import type { Grid } from "./grid.js";
import type { Mode } from "./mode.js";

export const POLICIES = ["paper", "makespan"] as const;
export type PolicyName = (typeof POLICIES)[number];

/** Why a resource of a stage was harvested, or was not. Codes are stable. */
export type ReasonCode =
  /** The demands fit into the budget as they are (policy `paper`). */
  | "fits-budget"
  /** The budget was split in the ratio of the demands, every share a whole number of steps (policy `paper`). */
  | "ratio-split"
  /** The split shortens the stage's predicted time by more than the prediction's uncertainty (policy `makespan`). */
  | "shorter-stage"
  /**
   * What donors do not need goes to functions that would die under their user allocation (policy `makespan`, memory).
   */
  | "memory-shortage-met"
  /** Every function already has what it would be given. */
  | "no-change"
  | "exceeds-budget"
  | "gain-within-uncertainty"
  /** Even the grid's minimum for every branch is more than the budget. */
  | "budget-below-minimum"
  /** Fewer than two functions share the stage. */
  | "nothing-to-share"
  /** No branch of the stage can share: a `map` whose body varies or forks, and in older decisions every `map`. */
  | "stage-excluded"
  /** A `map`, before it forks: it is decided then, with the sizes of its items. */
  | "decided-at-fork"
  /** The composition, or the map, has more functions that run side by side than one decision looks at. */
  | "too-many-functions"
  | "no-model"
  | "untrusted-prediction"
  /** The policy's split broke H1 or H2: a fault of ours, which the validator caught. */
  | "invalid-split";

/** Why a single prediction is not to be trusted. */
export type Distrust = "too-few-samples" | "outside-profiled-range" | "model-older-than-dag";

/** A predicted quantity with the band that holds four of five runs, in the unit of the quantity. */
export interface Prediction {
  readonly mean: number;
  readonly p10: number;
  readonly p90: number;
  /** What 99 of 100 runs stay below; absent where it was not calibrated. */
  readonly p99?: number;
  /**
   * forest: predicted from the size, with a calibrated band. history: the size does not explain the quantity, or lies
   * outside of what was profiled. trees: the model is not calibrated, the band is the spread of its trees and covers
   * less than it says.
   */
  readonly basis?: "forest" | "history" | "trees";
}

export interface Verdict {
  readonly accepted: boolean;
  readonly reason: ReasonCode;
}

export interface FunctionDecision {
  readonly index: number;
  readonly name: string;
  readonly astPath: string;
  /** Its branch of the stage's fork; several functions of one branch run one after another. */
  readonly position?: number;
  readonly user: UserAllocation;
  readonly predicted?: {
    readonly inputBytes: Prediction;
    readonly cpuCores: Prediction;
    readonly memoryMb: Prediction;
    readonly workCoreMs: Prediction;
    /** Runs of the function that the models learnt from. */
    readonly samples: number;
    /** Those whose size was near this run's; absent for a model that is not calibrated. */
    readonly near?: number;
    readonly distrust?: Distrust;
  };
  /** D: the prediction with its margin, on the grid. */
  readonly demand?: Allocation;
  /** What it gets. A resource whose verdict is "no" stands at the user allocation. */
  readonly allocation: { readonly cpuCores?: number; readonly memoryMb: number };
  /** Set when the function keeps its user allocation and leaves the budget; with "no-user-cpu" that of CPU alone. */
  readonly excluded?: Exclusion;
}

export interface StageDecision {
  readonly forkPath: string;
  readonly kind: "parallel" | "map";
  /** Which fork it was decided for; absent when it was decided with its run, for every time the run comes to it. */
  readonly fork?: { readonly trail: string; readonly forkNo: number };
  /** B: the sum of the user allocations of the functions that share. */
  readonly budget: Allocation;
  readonly cpu: Verdict;
  readonly memory: Verdict;
  /** Predicted time of the stage: the largest T(a) = W / min(a, D). */
  readonly predictedMs?: { readonly user: number; readonly allocated: number };
  readonly functions: readonly FunctionDecision[];
}

export interface Decision {
  readonly v: 1;
  readonly id: string;
  readonly namespace: string;
  readonly dag: string;
  readonly dagVersion: string;
  /** R, see run-key.ts. */
  readonly root: string;
  readonly mode: Mode;
  readonly policy: PolicyName;
  readonly grid: Grid;
  readonly modelVersion?: string;
  readonly inputBytes: number;
  readonly stages: readonly StageDecision[];
  /** True once the accepted stages stand in Redis. Never true in any mode but `harvest`. */
  readonly published: boolean;
  readonly decidedAtMs: number;
  /** How long each step took. */
  readonly stepMs: Readonly<Record<string, number>>;
}

/** One value of the hash `harvest:alloc:<R>`. An absent resource means the user allocation. */
export interface PublishedAllocation {
  readonly v: 1;
  readonly cpuCores?: number;
  readonly memoryMb?: number;
  /**
   * W that the decision counts on, with its margin. A donor works at its limit by plan when it has less to do than the
   * others; only one that has used up this and still works was predicted wrongly. Absent: a donor at its limit is taken
   * for that at once.
   */
  readonly workCoreMs?: number;
  readonly decision: string;
  /** The applier compares it with the namespace of the activation. */
  readonly namespace: string;
  readonly epoch: number;
  /**
   * Of the publisher, over all of this and where it stands (signature.ts). Appliers that know the secret believe
   * nothing without.
   */
  readonly signature?: string;
}

/**
 * The parameter `$harvest` that travels with the activation of a component and is taken out before user code sees it.
 */
export interface HarvestParam {
  /** The run key, see run-key.ts. */
  readonly k: string;
  /** The decision stamped at the innermost fork; absent means no harvesting, whatever Redis says later. */
  readonly d?: string;
}
