/**
 * What a model document says of how far its own predictions can be believed, measured on runs that the predicting forests had
 * not seen (calibrate.ts). The spread over a forest's trees says how unsure the mean is, not how far runs lie from it; these
 * bands do.
 */
import type { ModelDocument, ModelTarget } from "@openwhisk-harvest/core";

/** Share of runs between p10 and p90. */
export const BAND_COVERAGE = 0.8;

/** Holds from its size to that of the next band. */
export interface Band {
  readonly fromDagInputBytes: number;
  readonly samples: number;
  /** What is added to the forest's mean to get p10 and p90. */
  readonly low: number;
  readonly high: number;
}

export interface TargetCalibration {
  readonly samples: number;
  /** 1 - (squared error of the models) / (squared error of a constant), both on unseen runs. At most 1; below 0, size misleads. */
  readonly skill: number;
  /** False when the size does not explain this quantity; then its history is what is known of it. */
  readonly explained: boolean;
  readonly history: { readonly mean: number; readonly p10: number; readonly p90: number };
  /** Ascending; the first one also holds below its size. */
  readonly bands: readonly Band[];
}

export interface FunctionCalibration {
  readonly index: number;
  /** How many runs there were with about this size: ascending cells (see cellOf), and the runs in each. */
  readonly sizes: { readonly cells: readonly number[]; readonly runs: readonly number[] };
  readonly targets: Readonly<Partial<Record<ModelTarget, TargetCalibration>>>;
}

export interface Calibration {
  readonly coverage: number;
  readonly folds: number;
  readonly functions: readonly FunctionCalibration[];
}

export type CalibratedDocument = ModelDocument & { readonly calibration?: Calibration };

/** Undefined for a model that was trained without. */
export function calibrationOf(document: ModelDocument): Calibration | undefined {
  return (document as CalibratedDocument).calibration;
}

/** Sizes of one cell differ by at most 5 %. */
const CELL_RATIO = 1.05;

/** Sizes within so many cells of one another, a factor of about 1.5, are near. */
const NEAR_CELLS = 8;

export function cellOf(bytes: number): number {
  return Math.floor(Math.log(Math.max(1, bytes)) / Math.log(CELL_RATIO));
}

/** How many profiled runs of the function had a size near this one. */
export function samplesNear({ sizes }: FunctionCalibration, dagInputBytes: number): number {
  const cell = cellOf(dagInputBytes);
  let near = 0;
  for (const [i, other] of sizes.cells.entries()) if (Math.abs(other - cell) <= NEAR_CELLS) near += sizes.runs[i] as number;
  return near;
}

/** The band that holds at a size. */
export function bandAt({ bands }: TargetCalibration, dagInputBytes: number): Band {
  let found = bands[0] as Band;
  for (const band of bands) if (band.fromDagInputBytes <= dagInputBytes) found = band;
  return found;
}
