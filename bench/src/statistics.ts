/** Samples of one figure, and how they are told: the spread always stands beside the median. */
import { quantileOfSorted } from "@openwhisk-harvest/core";

export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly n: number;
  readonly p50: number;
  readonly p99: number;
  readonly min: number;
  readonly max: number;
}

export function figure(name: string, unit: string, samples: readonly number[]): Figure {
  const sorted = Float64Array.from(samples).sort();
  const [min, max] = [sorted[0] ?? Number.NaN, sorted.at(-1) ?? Number.NaN];
  return { name, unit, n: sorted.length, p50: quantileOfSorted(sorted, 0.5), p99: quantileOfSorted(sorted, 0.99), min, max };
}

/** Runs `once` so often, after some unmeasured rounds in which code is compiled and connections open, and times each in ms. */
export async function timeEach(count: number, once: (i: number) => Promise<unknown>, warmUp = Math.ceil(count / 10)): Promise<number[]> {
  const samples: number[] = [];
  for (let i = -warmUp; i < count; i++) {
    const startMs = performance.now();
    await once(i);
    if (i >= 0) samples.push(performance.now() - startMs);
  }
  return samples;
}

export function markdownTable(figures: readonly Figure[]): string {
  const amount = (v: number) => (Math.abs(v) >= 100 ? v.toFixed(0) : v.toPrecision(3));
  const rows = figures.map(
    (f) => `| ${f.name} | ${f.unit} | ${f.n} | ${amount(f.p50)} | ${amount(f.p99)} | ${amount(f.min)} | ${amount(f.max)} |`,
  );
  return ["| figure | unit | n | p50 | p99 | min | max |", "| --- | --- | ---: | ---: | ---: | ---: | ---: |", ...rows].join("\n");
}
