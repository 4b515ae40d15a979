/** ML1 and ML2 of one family: fitted per function, asked one behind the other as the forests are (evaluate.ts). */
import { HarvestError, MODEL_TARGETS, type ModelTarget } from "@openwhisk-harvest/core";
import type { Dataset, Row } from "../dataset.js";
import type { ChainPrediction, ChainQuery } from "../evaluate.js";
import { type Ml2Features, sizeOnly } from "../train/ml2-features.js";
import type { TrainingRows } from "../train/trainer.js";
import type { FitOptions, Predict, Regressor } from "./regressor.js";

/** What one model learns from, for one function. */
type PerFunction = ReadonlyMap<number, Predict>;

/** Rejects with OWH_BAD_DATASET as the family's fit does; the chain throws it for a function that was never seen. */
export async function fitChain(
  family: Regressor,
  dataset: Dataset,
  options: FitOptions & { readonly ml2Features: Ml2Features },
): Promise<(at: ChainQuery) => ChainPrediction> {
  const models = new Map<ModelTarget, Predict | PerFunction>();
  for (const target of MODEL_TARGETS) {
    const rows = dataset.rows[target];
    const pooled = target !== "inputBytes" && options.ml2Features === "size";
    // Within one function its ordinal and stage are constants, so that the size is all there is to learn from.
    models.set(target, pooled ? await family.fit(sizeOnly(trainingRows(rows)), options) : await fitEach(family, rows, options));
  }
  const ask = (target: ModelTarget, bytes: number, functionIndex: number): number => {
    const model = models.get(target) as Predict | PerFunction;
    const predict = typeof model === "function" ? model : model.get(functionIndex);
    if (!predict) throw new HarvestError("OWH_BAD_DATASET", `No training run shows ${target} of function ${functionIndex}.`);
    return predict([bytes]);
  };
  return ({ dagInputBytes, functionIndex }) => {
    const inputBytes = ask("inputBytes", dagInputBytes, functionIndex);
    const ml2 = (target: ModelTarget) => ask(target, inputBytes, functionIndex);
    return { inputBytes, cpuCores: ml2("cpuCores"), memoryMb: ml2("memoryMb"), workCoreMs: ml2("workCoreMs") };
  };
}

async function fitEach(family: Regressor, rows: readonly Row[], options: FitOptions): Promise<PerFunction> {
  const models = new Map<number, Predict>();
  for (const functionIndex of new Set(rows.map((row) => row.functionIndex))) {
    const own = rows.filter((row) => row.functionIndex === functionIndex);
    models.set(functionIndex, await family.fit(sizeOnly(trainingRows(own)), options));
  }
  return models;
}

function trainingRows(rows: readonly Row[]): TrainingRows {
  return { x: rows.map((row) => row.x), y: rows.map((row) => row.y) };
}
