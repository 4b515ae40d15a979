/**
 * How good models are, measured on the whole chain as it is used: ML1 predicts a function's input size from the size of the
 * DAG's input, and ML2 answers for the predicted size, never for the one that was measured.
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
import { showsCpuDemand, showsMemoryDemand } from "./dataset.js";

export interface TargetEvaluation {
  readonly samples: number;
  /** Of |P - A| (paper, 4.1.1), in the target's unit. */
  readonly error: { readonly mean: number; readonly p50: number; readonly p90: number; readonly p99: number; readonly max: number };
  /** Share of accurate predictions (paper, 4.1.2), 0..1; only for targets that lie on the grid. */
  readonly accuracy?: number;
  /** Share of runs that used at most the allocation they would be given, 0..1; only for targets that lie on the grid. */
  readonly withinAllocation?: number;
}

/** A target without a single run to test it on is absent. */
export type Evaluation = Readonly<Partial<Record<ModelTarget, TargetEvaluation>>>;

/**
 * The paper's accuracy (4.1.2): P + |P - A| < A(P), where A(P) is the smallest allocation of at least P. The inequality is
 * strict, so a prediction that lies exactly on an allocation counts as inaccurate even when it is exact, and so does every
 * prediction above the grid's maximum.
 */
export function isAccurate(axis: GridAxis, predicted: number, actual: number): boolean {
  return predicted + Math.abs(predicted - actual) < ceilToGrid(axis, predicted);
}

export interface ChainPrediction {
  readonly inputBytes: number;
  readonly cpuCores: number;
  readonly memoryMb: number;
  readonly workCoreMs: number;
}

/** What the models say of one function for a size of the DAG's input; the means over the trees. */
export function predictChain(forests: Forests, at: { dagInputBytes: number; functionIndex: number; stage: number }): ChainPrediction {
  const inputBytes = meanOf(predictTrees(forests.inputBytes, [at.dagInputBytes, at.functionIndex, at.stage]));
  const ml2 = (target: ModelTarget) => meanOf(predictTrees(forests[target], [inputBytes, at.functionIndex]));
  return { inputBytes, cpuCores: ml2("cpuCores"), memoryMb: ml2("memoryMb"), workCoreMs: ml2("workCoreMs") };
}

/** Predictions of a target and what was measured instead. */
interface Pair {
  readonly predicted: number;
  readonly actual: number;
}

/** Compares the models with profiles that they were not trained on. */
export function evaluateModel({ forests, profiles, grid }: { forests: Forests; profiles: readonly Profile[]; grid: Grid }): Evaluation {
  const pairs: Record<ModelTarget, Pair[]> = { inputBytes: [], cpuCores: [], memoryMb: [], workCoreMs: [] };
  for (const profile of profiles) {
    const { observation } = profile;
    const predicted = predictChain(forests, profile);
    const compare = (target: ModelTarget, actual: number) => pairs[target].push({ predicted: predicted[target], actual });
    if (observation.outcome === "success") compare("inputBytes", profile.functionInputBytes);
    if (showsCpuDemand(observation)) {
      compare("cpuCores", observation.cpuPeakCores);
      compare("workCoreMs", observation.cpuTimeMs);
    }
    if (showsMemoryDemand(observation)) compare("memoryMb", observation.memoryPeakMb);
  }
  const axes: Partial<Record<ModelTarget, GridAxis>> = { cpuCores: grid.cpuCores, memoryMb: grid.memoryMb };
  const evaluation: Partial<Record<ModelTarget, TargetEvaluation>> = {};
  for (const target of MODEL_TARGETS) if (pairs[target].length > 0) evaluation[target] = evaluatePairs(pairs[target], axes[target]);
  return evaluation;
}

function evaluatePairs(pairs: readonly Pair[], axis: GridAxis | undefined): TargetEvaluation {
  const errors = Float64Array.from(pairs, ({ predicted, actual }) => Math.abs(predicted - actual)).sort();
  const quantile = (q: number) => quantileOfSorted(errors, q);
  const share = (holds: (pair: Pair) => boolean) => pairs.filter(holds).length / pairs.length;
  return {
    samples: pairs.length,
    error: { mean: meanOf(errors), p50: quantile(0.5), p90: quantile(0.9), p99: quantile(0.99), max: quantile(1) },
    ...(axis && {
      accuracy: share(({ predicted, actual }) => isAccurate(axis, predicted, actual)),
      withinAllocation: share(({ predicted, actual }) => actual <= ceilToGrid(axis, predicted)),
    }),
  };
}
