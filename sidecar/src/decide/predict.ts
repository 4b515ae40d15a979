/**
 * The inference pipeline (paper, 3.5.2, Figure 3.5): ML1 turns the size of the DAG's input into the size of each function's
 * input; ML2 turns that into CPU demand, memory demand and work. Each prediction carries its band, what it is based on, how many
 * runs were near, and a reason not to trust it where there is one (core: predict-calibrated.ts).
 *
 * What every tree says of the work is kept beside the summary: one tree's answers for all functions of a stage belong
 * together, so a stage's gain can be computed tree by tree instead of from spreads that ignore what the functions share.
 */
import { type FunctionDecision, layOutNext, type PredictCalibrated, predictCalibrated } from "@openwhisk-harvest/core";
import type { SharingFunction } from "./sharing.js";
import { type DecisionState, decidesStages } from "./state.js";

export interface FunctionPrediction {
  readonly predicted: NonNullable<FunctionDecision["predicted"]>;
  /** W in core-ms, as each tree of the forest predicts it; never negative. */
  readonly workPerTree: Float64Array;
}

/** By function index. */
export type Predictions = ReadonlyMap<number, FunctionPrediction>;

/** What the models know a function by, and what of its input need not be predicted. */
export type Asked = Pick<PredictCalibrated["at"], "functionIndex" | "knownInputBytes">;

/** Predicts every function that takes part in a parallel stage. Without a model, or a need, nothing is. */
export function predict(
  { dag, model, inputBytes: dagInputBytes, minSamples, mode }: DecisionState,
  askedOf = ({ index }: SharingFunction): Asked => ({ functionIndex: index }),
): Predictions {
  const predictions = new Map<number, FunctionPrediction>();
  if (!model || !decidesStages(mode)) return predictions;
  const members = new Set(dag.stages.flatMap((stage) => stage.functions));
  for (const fn of dag.functions) {
    if (!members.has(fn.index)) continue;
    const at = { dagInputBytes, stage: fn.stage, ...askedOf(fn) };
    const { predicted, workPerTree, ...trust } = predictCalibrated({ model, dagVersion: dag.version, at, minSamples });
    predictions.set(fn.index, { predicted: { ...predicted, ...trust }, workPerTree });
  }
  layOutNext(model); // the decisions that follow find one forest more laid out
  return predictions;
}
