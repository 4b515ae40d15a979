/** Features and targets brought to mean 0 and deviation 1: machines that measure distances, or descend gradients, need it. */
import { meanOf } from "@openwhisk-harvest/core";
import type { TrainingRows } from "../train/trainer.js";

interface Scale {
  readonly mean: number;
  /** 0 for a constant: as a feature it says nothing, as a target it is its mean wherever it is asked for. */
  readonly deviation: number;
}

export interface ScaledRows {
  readonly x: readonly (readonly number[])[];
  readonly y: readonly number[];
  readonly scaleX: (x: readonly number[]) => number[];
  readonly unscaleY: (y: number) => number;
}

export function scaleRows({ x, y }: TrainingRows): ScaledRows {
  const columns = (x[0] as readonly number[]).map((_, f) => scaleOf(x.map((row) => row[f] as number)));
  const target = scaleOf(y);
  const scaleX = (row: readonly number[]) => columns.map(({ mean, deviation }, f) => ((row[f] as number) - mean) / (deviation || 1));
  return {
    x: x.map(scaleX),
    y: y.map((value) => (value - target.mean) / (target.deviation || 1)),
    scaleX,
    unscaleY: (value) => value * target.deviation + target.mean,
  };
}

function scaleOf(values: readonly number[]): Scale {
  const mean = meanOf(values);
  const deviation = Math.sqrt(meanOf(values.map((v) => (v - mean) ** 2)));
  // A constant's deviation may be the rounding error of its mean.
  return { mean, deviation: deviation > Math.abs(mean) * 1e-12 ? deviation : 0 };
}
