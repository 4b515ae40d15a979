/**
 * A prediction with a band that covers at the stated rate, and the reason not to trust it where there is one. Pure, and of core's
 * types alone, so that a decision, an explanation and a test ask the same function.
 *
 *  - where the size explains the quantity: the forest's mean, with the calibrated band around it
 *  - where it does not: the history of the quantity, p90 of which is what to reserve (paper, 5.2: histograms for demands that do
 *    not depend on the input's size)
 *  - outside the profiled range: the history too, and a reason not to use it; never what a forest repeats beyond its last leaf
 */
import {
  type Distrust,
  MODEL_TARGETS,
  type Model,
  type ModelTarget,
  meanOf,
  type Prediction,
  predictTrees,
  summarize,
} from "@openwhisk-harvest/core";
import { bandAt, type Calibration, calibrationOf, type FunctionCalibration, samplesNear, type TargetCalibration } from "./calibration.js";

export interface CalibratedPrediction extends Prediction {
  /** `trees`: an uncalibrated model, p10 and p90 are its trees' and cover less than they say. */
  readonly basis: "forest" | "history" | "trees";
}

export interface PredictCalibrated {
  readonly model: Model;
  /** Of the DAG as it is deployed now. */
  readonly dagVersion: string;
  readonly at: { readonly dagInputBytes: number; readonly functionIndex: number; readonly stage: number };
  readonly minSamples: number;
}

export interface FunctionForecast {
  readonly predicted: Readonly<Record<ModelTarget, CalibratedPrediction>>;
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
const RANGE_TOLERANCE = 1.05;

export function predictCalibrated(query: PredictCalibrated): FunctionForecast {
  const { model, at } = query;
  const calibration = calibrationOf(model.document);
  const own = calibration?.functions.find(({ index }) => index === at.functionIndex);
  const distrust = distrustOf(query, calibration, own);
  const inputTrees = predictTrees(model.forests.inputBytes, [at.dagInputBytes, at.functionIndex, at.stage]);
  const features = [meanOf(inputTrees), at.functionIndex];
  const predicted: Partial<Record<ModelTarget, CalibratedPrediction>> = {};
  for (const target of MODEL_TARGETS) {
    const perTree = target === "inputBytes" ? inputTrees : predictTrees(model.forests[target], features);
    predicted[target] = withBand(perTree, own?.targets[target], at.dagInputBytes, distrust === "outside-profiled-range");
  }
  return {
    predicted: predicted as FunctionForecast["predicted"],
    samples: model.document.samples[at.functionIndex] ?? 0,
    ...(own && { near: samplesNear(own, at.dagInputBytes) }),
    ...(distrust && { distrust }),
  };
}

/** The gravest reason first: an older model may speak of other functions altogether. */
function distrustOf(
  { model: { document }, dagVersion, at: { dagInputBytes, functionIndex }, minSamples }: PredictCalibrated,
  calibration: Calibration | undefined,
  own: FunctionCalibration | undefined,
): Distrust | undefined {
  if (document.dagVersion !== dagVersion) return "model-older-than-dag";
  const { min, max } = document.dagInputBytes;
  // Written so that a size that is no number lies outside, too.
  if (!(dagInputBytes >= min / RANGE_TOLERANCE && dagInputBytes <= max * RANGE_TOLERANCE)) return "outside-profiled-range";
  if ((document.samples[functionIndex] ?? 0) < minSamples) return "too-few-samples";
  // A gap between profiled sizes: the nearest ones differ by half and more.
  if (calibration && (!own || samplesNear(own, dagInputBytes) === 0)) return "too-few-samples";
  return undefined;
}

function withBand(
  perTree: Float64Array,
  calibration: TargetCalibration | undefined,
  dagInputBytes: number,
  outside: boolean,
): CalibratedPrediction {
  if (!calibration) return { ...summarize(perTree), basis: "trees" };
  if (outside || !calibration.explained) return { ...calibration.history, basis: "history" };
  const mean = meanOf(perTree);
  const { low, high } = bandAt(calibration, dagInputBytes);
  return { mean, p10: Math.max(0, mean + low), p90: Math.max(0, mean + high), basis: "forest" };
}
