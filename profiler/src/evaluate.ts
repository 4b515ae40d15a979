/**
 * How good models are, measured on the whole chain as it is used: ML1 predicts a function's input size from the size of the
 * DAG's input, and ML2 answers for the predicted size, never for the one that was measured.
 *
 * Errors and shares are the paper's: A is what was observed of a run, for CPU its peak, which is what the models learn. A run shorter
 * than a CFS period needs less than its peak (cpu-demand.ts); what the predictions are worth by that stands apart, as `demand`.
 */
import {
  ceilToGrid,
  type Forests,
  type Grid,
  type GridAxis,
  MODEL_TARGETS,
  type ModelTarget,
  meanOf,
  type Profile,
  predictTrees,
  quantileOfSorted,
} from "@openwhisk-harvest/core";
import { type GridShares, gridSharesOf, type Held, isAccurate } from "./accuracy.js";
import { cpuDemandCores } from "./cpu-demand.js";
import { MISSES, type Miss, missOf } from "./missed.js";
import { showsCpuDemand, showsMemoryDemand } from "./run-mark.js";

export interface TargetEvaluation {
  readonly samples: number;
  /** Of |P - A| (paper, 4.1.1), in the target's unit. */
  readonly error: { readonly mean: number; readonly p50: number; readonly p90: number; readonly p99: number; readonly max: number };
  /** Share of accurate predictions (paper, 4.1.2), 0..1; only for targets that lie on the grid. */
  readonly accuracy?: number;
  /** Share of runs whose observed use was at most the allocation they would be given, 0..1; only for targets that lie on the grid. */
  readonly withinAllocation?: number;
  /**
   * How many runs used so exactly an allocation, or so much more than the largest, that not even a perfect prediction counts as
   * accurate; only for targets that lie on the grid.
   */
  readonly atGridEdge?: number;
  /** How many lie so close below an allocation that the median error decides; these include those at the edge. */
  readonly nearGridEdge?: number;
  /** How many were missed by the paper's accuracy, for which reason; only for targets that lie on the grid. */
  readonly missed?: Readonly<Record<Miss, number>>;
  /** Of |P - A|, at the shares of ERROR_SHARES. */
  readonly errorQuantiles: readonly number[];
  /** The same predictions, held against what a quota had to give; only for CPU. */
  readonly demand?: DemandEvaluation;
}

/** Ours, not the paper's: A is what a run's quota has to give it. */
export interface DemandEvaluation extends GridShares {
  /** Mean of |P - A|, in the target's unit. */
  readonly meanError: number;
  /** How many of the runs need less than their observed peak. */
  readonly belowPeak: number;
}

/** 0, 0.05 ... 1: enough to draw a distribution from. */
export const ERROR_SHARES: readonly number[] = Array.from({ length: 21 }, (_, i) => i / 20);

/** A target without a single run to test it on is absent. */
export type Evaluation = Readonly<Partial<Record<ModelTarget, TargetEvaluation>>>;

export interface ChainPrediction {
  readonly inputBytes: number;
  readonly cpuCores: number;
  readonly memoryMb: number;
  readonly workCoreMs: number;
}

/** Where a prediction is asked for. */
export type ChainQuery = Pick<Profile, "dagInputBytes" | "functionIndex" | "stage">;

/** What the models say of one function for a size of the DAG's input; the means over the trees. */
export function predictChain(forests: Forests, at: ChainQuery): ChainPrediction {
  const inputBytes = meanOf(predictTrees(forests.inputBytes, [at.dagInputBytes, at.functionIndex, at.stage]));
  const ml2 = (target: ModelTarget) => meanOf(predictTrees(forests[target], [inputBytes, at.functionIndex]));
  return { inputBytes, cpuCores: ml2("cpuCores"), memoryMb: ml2("memoryMb"), workCoreMs: ml2("workCoreMs") };
}

/** A prediction of a target and what was measured instead. */
export interface Pair {
  readonly target: ModelTarget;
  readonly profile: Profile;
  readonly predicted: number;
  /** As it was observed, and as the models learn it. */
  readonly actual: number;
  /** For CPU what a quota has to give (cpu-demand.ts), at most the observed peak; else the same. */
  readonly needed: number;
}

/** What the chain says of these runs, for each target that they show (dataset.ts). */
export function chainPairs(chain: (at: ChainQuery) => ChainPrediction, profiles: Iterable<Profile>): Pair[] {
  const pairs: Pair[] = [];
  for (const profile of profiles) {
    const { observation } = profile;
    const predicted = chain(profile);
    const compare = (target: ModelTarget, actual: number, needed = actual) =>
      pairs.push({ target, profile, predicted: predicted[target], actual, needed });
    if (observation.outcome === "success") compare("inputBytes", profile.functionInputBytes);
    if (showsCpuDemand(observation)) {
      compare("cpuCores", observation.cpuPeakCores, cpuDemandCores(observation));
      compare("workCoreMs", observation.cpuTimeMs);
    }
    if (showsMemoryDemand(observation)) compare("memoryMb", observation.memoryPeakMb);
  }
  return pairs;
}

export interface EvaluateChain {
  readonly chain: (at: ChainQuery) => ChainPrediction;
  /** Runs that the chain was not trained on. */
  readonly profiles: readonly Profile[];
  readonly grid: Grid;
}

/** Compares what a chain of models says with what was measured. */
export function evaluateChain({ chain, profiles, grid }: EvaluateChain): Evaluation {
  const pairs = chainPairs(chain, profiles);
  const axes: Partial<Record<ModelTarget, GridAxis>> = { cpuCores: grid.cpuCores, memoryMb: grid.memoryMb };
  const evaluation: Partial<Record<ModelTarget, TargetEvaluation>> = {};
  for (const target of MODEL_TARGETS) {
    const own = pairs.filter((pair) => pair.target === target);
    if (own.length === 0) continue;
    const byPaper = evaluatePairs(own, axes[target]);
    evaluation[target] = target === "cpuCores" ? { ...byPaper, demand: againstDemand(own, grid.cpuCores) } : byPaper;
  }
  return evaluation;
}

/** The same for forests. */
export function evaluateModel({ forests, ...rest }: { forests: Forests } & Omit<EvaluateChain, "chain">): Evaluation {
  return evaluateChain({ ...rest, chain: (at) => predictChain(forests, at) });
}

function evaluatePairs(pairs: readonly Pair[], axis: GridAxis | undefined): TargetEvaluation {
  const errors = Float64Array.from(pairs, ({ predicted, actual }) => Math.abs(predicted - actual)).sort();
  const quantile = (q: number) => quantileOfSorted(errors, q);
  return {
    samples: pairs.length,
    error: { mean: meanOf(errors), p50: quantile(0.5), p90: quantile(0.9), p99: quantile(0.99), max: quantile(1) },
    ...(axis && againstGrid(pairs, axis, quantile(0.5))),
    errorQuantiles: ERROR_SHARES.map(quantile),
  };
}

function againstGrid(pairs: readonly Pair[], axis: GridAxis, medianError: number) {
  const count = (holds: (one: Held) => boolean) => pairs.filter(holds).length;
  return {
    ...gridSharesOf(axis, pairs),
    atGridEdge: count(({ actual }) => !isAccurate(axis, actual, actual)),
    nearGridEdge: count(({ actual }) => actual + medianError >= ceilToGrid(axis, actual)),
    missed: Object.fromEntries(
      MISSES.map((miss) => [miss, count(({ predicted, actual }) => missOf(axis, predicted, actual) === miss)]),
    ) as Record<Miss, number>,
  };
}

function againstDemand(pairs: readonly Pair[], axis: GridAxis): DemandEvaluation {
  return {
    ...gridSharesOf(
      axis,
      pairs.map(({ predicted, needed }) => ({ predicted, actual: needed })),
    ),
    meanError: meanOf(pairs.map(({ predicted, needed }) => Math.abs(predicted - needed))),
    belowPeak: pairs.filter(({ actual, needed }) => needed < actual).length,
  };
}
