/**
 * What a model document says of how far its own predictions can be believed, measured on runs that the predicting forests had
 * not seen (profiler: calibrate.ts). The spread over a forest's trees says how unsure the mean is, not how far runs lie from it;
 * these bands do.
 */
import { z } from "zod";

/** Share of runs between p10 and p90. */
export const BAND_COVERAGE = 0.8;

/** Zod's numbers are finite: a band cannot be poisoned by a NaN. */
const bandSchema = z.object({
  /** The band holds from here to the next band's size. */
  fromDagInputBytes: z.number(),
  samples: z.int(),
  /** What is added to the forest's mean to get p10 and p90. */
  low: z.number(),
  high: z.number(),
  /** What is added to the mean to get p99; absent in documents of older writers. */
  top: z.number().optional(),
});
export type Band = Readonly<z.infer<typeof bandSchema>>;

const targetCalibrationSchema = z.object({
  samples: z.int().positive(),
  /** 1 - (squared error of the models) / (squared error of a constant), both on unseen runs. At most 1; below 0, size misleads. */
  skill: z.number(),
  /** False when the size does not explain this quantity; then its history is what is known of it. */
  explained: z.boolean(),
  history: z.object({ mean: z.number(), p10: z.number(), p90: z.number(), p99: z.number().optional() }),
  /** Ascending; the first one also holds below its size. */
  bands: z.array(bandSchema).min(1),
});
export type TargetCalibration = Readonly<z.infer<typeof targetCalibrationSchema>>;

const functionCalibrationSchema = z.object({
  index: z.int().nonnegative(),
  /** How many runs there were with about this size: ascending cells (see cellOf), and the runs in each. */
  sizes: z
    .object({ cells: z.array(z.int()), runs: z.array(z.int().positive()) })
    .refine(({ cells, runs }) => cells.length === runs.length, "cells and runs differ in length"),
  targets: z.object({
    inputBytes: targetCalibrationSchema.optional(),
    cpuCores: targetCalibrationSchema.optional(),
    memoryMb: targetCalibrationSchema.optional(),
    workCoreMs: targetCalibrationSchema.optional(),
  }),
});
export type FunctionCalibration = Readonly<z.infer<typeof functionCalibrationSchema>>;

export const calibrationSchema = z.object({ coverage: z.number(), folds: z.int(), functions: z.array(functionCalibrationSchema) });
export type Calibration = Readonly<z.infer<typeof calibrationSchema>>;

/** Sizes of one cell differ by at most 5 %. */
const CELL_RATIO = 1.05;

/** Sizes within so many cells of one another, a factor of about 1.5, are near. */
const NEAR_CELLS = 8;

export function cellOf(bytes: number): number {
  return Math.floor(Math.log(Math.max(1, bytes)) / Math.log(CELL_RATIO));
}

/** How many profiled runs of the function had a size near this one. */
export function samplesNear({ sizes: { cells, runs } }: Pick<FunctionCalibration, "sizes">, dagInputBytes: number): number {
  const cell = cellOf(dagInputBytes);
  let near = 0;
  for (let i = 0; i < cells.length; i++) if (Math.abs((cells[i] as number) - cell) <= NEAR_CELLS) near += runs[i] as number;
  return near;
}

/** The band that holds at a size. */
export function bandAt({ bands }: Pick<TargetCalibration, "bands">, dagInputBytes: number): Band {
  let found = bands[0] as Band;
  for (const band of bands) if (band.fromDagInputBytes <= dagInputBytes) found = band;
  return found;
}
