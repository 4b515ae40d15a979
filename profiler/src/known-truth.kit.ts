/**
 * Profiles whose truth is known: four functions in one parallel stage, each with a law of its own from the size of its input to
 * what it needs, and sizes spread over two orders of magnitude.
 */
import { type DagDescription, PAPER_GRID, type Profile, type Rng } from "@openwhisk-harvest/core";
import { DAG, idOf, observationOf } from "./run-fixture.kit.js";

export const SMALLEST_BYTES = 10_000;
export const LARGEST_BYTES = 1_000_000;

/** By the ordinal of the function. */
export const LAWS = ["step-wise", "linear", "size-independent", "heteroscedastic"] as const;

/** What the function needs at a size, and how far runs of it scatter; in shares of the largest need. */
const TRUTHS: readonly ((bytes: number) => readonly [mean: number, deviation: number])[] = [
  (bytes) => [0.125 * 2 ** Math.floor(Math.log10(bytes / SMALLEST_BYTES) * 1.5), 0.01],
  (bytes) => [0.1 + (0.9 * bytes) / LARGEST_BYTES, 0.02],
  () => [0.5, 0.08],
  (bytes) => [0.1 + (0.8 * bytes) / LARGEST_BYTES, 0.01 + (0.12 * bytes) / LARGEST_BYTES],
];

export const TRUTH_DAG: DagDescription = {
  ...DAG,
  name: "truth",
  functions: LAWS.map((law, index) => ({
    ...(DAG.functions[1] as DagDescription["functions"][number]),
    index,
    name: `/guest/${law}`,
    astPath: `[0][${index}]`,
    forkPath: "[0]",
    position: index,
    stage: 0,
  })),
  stages: [{ forkPath: "[0]", kind: "parallel", width: LAWS.length, branches: LAWS.map(() => "action") }],
};

const LARGEST_NEED = { cpuCores: 6, memoryMb: 2_000, workCoreMs: 30_000 };

/** Names of runs begin with `label`. */
export function truthProfiles(runs: number, rng: Rng, label = "truth"): Profile[] {
  return Array.from({ length: runs }, (_, run) => {
    const dagInputBytes = Math.round(SMALLEST_BYTES * (LARGEST_BYTES / SMALLEST_BYTES) ** rng.next());
    return truthRun(dagInputBytes, rng, `${label} ${run}`, run);
  }).flat();
}

export function truthRun(dagInputBytes: number, rng: Rng, label: string, second = 0): Profile[] {
  const root = idOf(label);
  return TRUTH_DAG.functions.map(({ index, stage }): Profile => {
    const functionInputBytes = Math.round((dagInputBytes / (1 + index)) * (1 + 0.01 * gaussian(rng)));
    const [mean, deviation] = (TRUTHS[index] as (typeof TRUTHS)[number])(functionInputBytes * (1 + index));
    const need = () => Math.max(0.001, mean + deviation * gaussian(rng));
    return {
      v: 1,
      namespace: TRUTH_DAG.namespace,
      dag: TRUTH_DAG.name,
      dagVersion: TRUTH_DAG.version,
      root,
      functionIndex: index,
      stage,
      dagInputBytes,
      functionInputBytes,
      grid: PAPER_GRID,
      startMs: 1_700_000_000_000 + second * 1_000,
      endMs: 1_700_000_000_500 + second * 1_000,
      observation: observationOf(idOf(`${label} ${index}`), `${root}:/[0]:0`, {
        cpuPeakCores: LARGEST_NEED.cpuCores * need(),
        memoryPeakMb: LARGEST_NEED.memoryMb * need(),
        cpuTimeMs: LARGEST_NEED.workCoreMs * need(),
      }),
    };
  });
}

/** Box and Muller. */
function gaussian(rng: Rng): number {
  return Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());
}
