/** What the benches train on: needs in steps and along lines, as profiles of a parallel stage show them. */
import { meanOf, quantileOfSorted, seededRng } from "@openwhisk-harvest/core";
import type { TrainingRows } from "@openwhisk-harvest/profiler";

/** Features: a size in bytes and the function's ordinal. The target is a memory peak in MB, in classes, with noise of 5 MB. */
export function benchRows(rows: number, functions: number, seed: number): TrainingRows {
  const rng = seededRng(seed);
  const x = Array.from({ length: rows }, (_, i) => [Math.round(10_000 * 100 ** rng.next()), i % functions]);
  const y = x.map(([bytes, f]) => 64 * (1 + (f as number)) * 2 ** Math.floor(Math.log10((bytes as number) / 10_000) * 2) + 10 * rng.next());
  return { x, y };
}

export interface Spread {
  readonly min: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = Float64Array.from(values).sort();
  const at = (q: number) => quantileOfSorted(sorted, q);
  return { min: at(0), p50: at(0.5), p99: at(0.99), max: at(1) };
}

export function meanAbsoluteError(predict: (x: readonly number[]) => number, { x, y }: TrainingRows): number {
  return meanOf(x.map((row, i) => Math.abs(predict(row) - (y[i] as number))));
}
