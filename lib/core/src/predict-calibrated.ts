/**
 * A prediction with a band that covers at the stated rate, and the reason not to trust it where there is one. Pure, so that a
 * decision, an explanation, an evaluation and a test ask the same function.
 *
 *  - where the size explains the quantity: the forest's mean, with the calibrated band around it
 *  - where it does not: the history of the quantity, p90 of which is what to reserve (paper, 5.2: histograms for demands that do
 *    not depend on the input's size)
 *  - outside the profiled range: the history too, and a reason not to use it; never what a forest repeats beyond its last leaf
 */
import { bandAt, samplesNear, type TargetCalibration } from "./calibration.js";
import type { Distrust, Prediction } from "./decision.js";
import { meanOf, summarize } from "./forest.js";
import { type FunctionForests, forestsOfFunction } from "./function-forests.js";
import { MODEL_TARGETS, type Model, type ModelTarget } from "./model.js";

export interface CalibratedPrediction extends Prediction {
  readonly basis: NonNullable<Prediction["basis"]>;
}

export interface PredictCalibrated {
  readonly model: Model;
  /** Of the DAG as it is deployed now. */
  readonly dagVersion: string;
  readonly at: {
    readonly dagInputBytes: number;
    readonly functionIndex: number;
    readonly stage: number;
    /** Where it need not be predicted: of an item of a `map`, at its fork. */
    readonly knownInputBytes?: number;
  };
  /** Fewer runs of the function than this, and the prediction is not trusted. */
  readonly minSamples: number;
}

export interface FunctionForecast {
  readonly predicted: Readonly<Record<ModelTarget, CalibratedPrediction>>;
  /**
   * W in core-ms, never negative: what each tree says of it, or, where the size does not explain it, as many draws from its
   * history. One entry of one function belongs to the same entry of the others.
   */
  readonly workPerTree: Float64Array;
  /** Runs of the function that the models learnt from. */
  readonly samples: number;
  /** Those whose size was near; absent for an uncalibrated model. */
  readonly near?: number;
  readonly distrust?: Distrust;
}

/**
 * Forests repeat their outermost leaf beyond the profiled range. Up to 5 % beyond either end (a fixed distance on a log scale, as
 * sizes are profiled) that is no worse than the distance between two profiled sizes.
 */
export const RANGE_TOLERANCE = 1.05;

export function predictCalibrated(query: PredictCalibrated): FunctionForecast {
  const { model, at } = query;
  const forests = forestsOfFunction(model, at.functionIndex, at.stage);
  const own = model.document.calibration ? forests.calibration : undefined;
  const near = own && samplesNear(own, at.dagInputBytes);
  const distrust = distrustOf(query, near);
  const isOutside = distrust === "outside-profiled-range";
  const known = at.knownInputBytes;
  const inputBytes = known ?? forests.mean("inputBytes", at.dagInputBytes);
  const work = forests.trees("workCoreMs", inputBytes).map((workCoreMs) => Math.max(0, workCoreMs));
  const predictOne = (target: ModelTarget): CalibratedPrediction => {
    if (target === "inputBytes" && known !== undefined) return { mean: known, p10: known, p90: known, basis: "forest" };
    const calibration = own?.targets[target];
    if (!calibration) return uncalibrated(forests, target, target === "inputBytes" ? at.dagInputBytes : inputBytes);
    if (isOutside || !calibration.explained) return historyOf(calibration);
    const mean = target === "inputBytes" ? inputBytes : target === "workCoreMs" ? meanOf(work) : forests.mean(target, inputBytes);
    return withBand(mean, calibration, at.dagInputBytes);
  };
  const predicted = {} as Record<ModelTarget, CalibratedPrediction>;
  for (const target of MODEL_TARGETS) predicted[target] = predictOne(target);
  const { workCoreMs } = predicted;
  return {
    predicted,
    workPerTree: workCoreMs.basis === "history" ? drawsFrom(workCoreMs, forests.order) : work,
    samples: model.document.samples[at.functionIndex] ?? 0,
    ...(near !== undefined && { near }),
    ...(distrust && { distrust }),
  };
}

/** The gravest reason first: an older model may speak of other functions altogether. */
function distrustOf(
  { model: { document }, dagVersion, at: { dagInputBytes, functionIndex }, minSamples }: PredictCalibrated,
  near: number | undefined,
): Distrust | undefined {
  if (document.dagVersion !== dagVersion) return "model-older-than-dag";
  const { min, max } = document.dagInputBytes;
  // Written so that a size that is no number lies outside, too.
  if (!(dagInputBytes >= min / RANGE_TOLERANCE && dagInputBytes <= max * RANGE_TOLERANCE)) return "outside-profiled-range";
  if ((document.samples[functionIndex] ?? 0) < minSamples) return "too-few-samples";
  // A function that was never calibrated, or a gap between profiled sizes: the nearest ones differ by half and more.
  return document.calibration && !near ? "too-few-samples" : undefined;
}

function uncalibrated(forests: FunctionForests, target: ModelTarget, size: number): CalibratedPrediction {
  const perTree = forests.trees(target, size);
  return { ...summarize(target === "workCoreMs" ? perTree.map((w) => Math.max(0, w)) : perTree), basis: "trees" };
}

function historyOf({ history }: TargetCalibration): CalibratedPrediction {
  return { ...history, basis: "history" } as CalibratedPrediction;
}

function withBand(mean: number, calibration: TargetCalibration, dagInputBytes: number): CalibratedPrediction {
  const { low, high, top } = bandAt(calibration, dagInputBytes);
  const above = (residual: number) => Math.max(0, mean + residual);
  return { mean, p10: above(low), p90: above(high), ...(top !== undefined && { p99: above(top) }), basis: "forest" };
}

/**
 * As many values as `order` has places, spread as the history is: straight lines through p10, the mean in the middle, and p90.
 * `order` keeps the draws of different functions from rising together.
 */
function drawsFrom({ mean, p10, p90 }: Prediction, order: Uint32Array): Float64Array {
  const perShare = { below: (mean - p10) / 0.4, above: (p90 - mean) / 0.4 };
  return Float64Array.from(order, (rank) => {
    const share = (rank + 0.5) / order.length - 0.5;
    return Math.max(0, mean + share * (share < 0 ? perShare.below : perShare.above));
  });
}
