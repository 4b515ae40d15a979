/** The port of a trainer: from rows of numbers to a random forest in the one form in which forests are stored and asked. */
import { type FlatForest, HarvestError } from "@openwhisk-harvest/core";

export interface TrainingRows {
  /** One array of features per row, all of the same length. */
  readonly x: readonly (readonly number[])[];
  readonly y: readonly number[];
}

export interface TrainOptions {
  readonly trees: number;
  /** Equal seeds and rows give equal forests. */
  readonly seed: number;
}

export interface Trainer {
  /** Stored with the model. */
  readonly name: string;
  /** Rejects with OWH_BAD_DATASET when there are no rows, or values that are no finite numbers. */
  train(rows: TrainingRows, options: TrainOptions): Promise<FlatForest>;
}

/** Refuses what no trainer may see: a single NaN poisons every leaf above it. Returns the number of features. */
export function requireTrainable({ x, y }: TrainingRows, { trees }: TrainOptions): number {
  const bad = (what: string) => new HarvestError("OWH_BAD_DATASET", `Cannot train: ${what}.`);
  const features = x[0]?.length ?? 0;
  if (x.length === 0 || features === 0) throw bad("the dataset is empty");
  if (x.length !== y.length) throw bad(`${x.length} rows stand against ${y.length} targets`);
  if (!Number.isInteger(trees) || trees < 1) throw bad(`a forest has at least one tree, not ${trees}`);
  for (const [i, row] of x.entries()) {
    if (row.length !== features) throw bad(`row ${i} has ${row.length} features instead of ${features}`);
    for (const value of row) if (!Number.isFinite(value)) throw bad(`row ${i} holds the feature ${value}`);
    if (!Number.isFinite(y[i])) throw bad(`row ${i} has the target ${y[i]}`);
  }
  return features;
}
