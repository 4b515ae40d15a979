/** Percentile intervals by resampling whole rounds, so that what their arms share (input, moment) stays together. Pure. */
import { quantileOfSorted, type Rng } from "@openwhisk-harvest/core";

const RESAMPLES = 2_000;

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** The central `level` of what `statistic` is over resampled rounds; resamples for which it is no number are left out. */
export function bootstrapInterval<T>(
  rounds: readonly T[],
  statistic: (rounds: readonly T[]) => number,
  { rng, level = 0.95 }: { readonly rng: Rng; readonly level?: number },
): Interval {
  const draw = () => rounds[Math.floor(rng.next() * rounds.length)] as T;
  const values = Array.from({ length: RESAMPLES }, () => statistic(rounds.map(draw))).filter(Number.isFinite);
  const sorted = Float64Array.from(values).sort();
  if (sorted.length === 0) return { low: Number.NaN, high: Number.NaN };
  return { low: quantileOfSorted(sorted, (1 - level) / 2), high: quantileOfSorted(sorted, (1 + level) / 2) };
}
