/** The port of a family of regression models (paper, 4.3): from rows of numbers to a function that predicts. */
import type { TrainingRows } from "../train/trainer.js";

export type Predict = (x: readonly number[]) => number;

export interface FitOptions {
  /** Trees of those families that have any. */
  readonly trees: number;
  /** Equal seeds and rows give equal predictions. */
  readonly seed: number;
}

export interface Regressor {
  /** As the paper's figures name the family. */
  readonly name: string;
  /** What stands behind the name here, for the reader of a report. */
  readonly method: string;
  /** Why the family cannot be used on this machine; undefined when it can. */
  readonly unavailable?: () => Promise<string | undefined>;
  /** Rejects with OWH_BAD_DATASET when there are no rows, or values that are no finite numbers. */
  readonly fit: (rows: TrainingRows, options: FitOptions) => Promise<Predict>;
}
