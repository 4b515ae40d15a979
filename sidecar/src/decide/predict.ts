/**
 * The inference pipeline (paper, 3.5.2, Figure 3.5): ML1 turns the size of the DAG's input into the size of each function's
 * input; ML2 turns that into CPU demand, memory demand and work. The features stand in the order of core's MODEL_FEATURES.
 *
 * What every tree says of the work is kept beside the summary: one tree's answers for all functions of a stage belong
 * together, so a stage's gain can be computed tree by tree instead of from spreads that ignore what the functions share.
 */
import type { DagDescription, DagFunction, Distrust, FunctionDecision, Model, ModelDocument } from "@openwhisk-harvest/core";
import { predictTrees, summarize } from "@openwhisk-harvest/core";
import { isCandidate } from "./sharing.js";
import { type DecisionState, decidesStages } from "./state.js";

export interface FunctionPrediction {
  readonly predicted: NonNullable<FunctionDecision["predicted"]>;
  /** W in core-ms, as each tree of the forest predicts it; never negative. */
  readonly workPerTree: Float64Array;
}

/** By function index. */
export type Predictions = ReadonlyMap<number, FunctionPrediction>;

/**
 * Forests repeat their outermost leaf beyond the profiled range instead of extrapolating. Up to 5 % beyond either end (a
 * fixed distance on a log scale, as sizes are profiled) that is no worse than the distance between two profiled sizes.
 */
export const RANGE_TOLERANCE = 1.05;

/** Predicts every function that stands in a parallel stage and is not excluded. Without a model, or a need, nothing is. */
export function predict({ dag, model, inputBytes, minSamples, mode }: DecisionState): Predictions {
  const predictions = new Map<number, FunctionPrediction>();
  if (!model || !decidesStages(mode)) return predictions;
  for (const fn of dag.functions)
    if (fn.forkPath !== undefined && isCandidate(fn, "memoryMb"))
      predictions.set(fn.index, predictFunction(model, dag, fn, inputBytes, minSamples));
  return predictions;
}

function predictFunction(
  model: Model,
  dag: DagDescription,
  fn: DagFunction,
  dagInputBytes: number,
  minSamples: number,
): FunctionPrediction {
  const { forests, document } = model;
  const inputBytes = summarize(predictTrees(forests.inputBytes, [dagInputBytes, fn.index, fn.stage]));
  const features = [inputBytes.mean, fn.index];
  const workPerTree = predictTrees(forests.workCoreMs, features).map((workCoreMs) => Math.max(0, workCoreMs));
  const samples = document.samples[fn.index] ?? 0;
  const distrust = distrustOf(document, dag, dagInputBytes, samples, minSamples);
  return {
    predicted: {
      inputBytes,
      cpuCores: summarize(predictTrees(forests.cpuCores, features)),
      memoryMb: summarize(predictTrees(forests.memoryMb, features)),
      workCoreMs: summarize(workPerTree),
      samples,
      ...(distrust && { distrust }),
    },
    workPerTree,
  };
}

/** The gravest reason first: an older model may speak of other functions altogether. */
function distrustOf(
  document: ModelDocument,
  dag: DagDescription,
  dagInputBytes: number,
  samples: number,
  minSamples: number,
): Distrust | undefined {
  if (document.dagVersion !== dag.version) return "model-older-than-dag";
  const { min, max } = document.dagInputBytes;
  if (dagInputBytes < min / RANGE_TOLERANCE || dagInputBytes > max * RANGE_TOLERANCE) return "outside-profiled-range";
  return samples < minSamples ? "too-few-samples" : undefined;
}
