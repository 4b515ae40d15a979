/** Profiles as a profiled DAG leaves them, for tests that need a model and not its making. */
import { randomBytes } from "node:crypto";
import type { DagDescription, Grid, Profile } from "@openwhisk-harvest/core";

const fresh = () => randomBytes(16).toString("hex");

export interface SkewedRuns {
  readonly runs: number;
  readonly grid: Grid;
  /** Of the first run; each of the others has 1 % more. */
  readonly dagInputBytes?: number;
  /** What each uses at most, as a multiple of the usual. */
  readonly demandFactor?: number;
}

/** By branch: what it uses at most, and its work. They are those of parallel-aes at some 200 KB, with a margin, so that its donors need nothing back. */
const SKEWED = [
  { cpuCores: 0.25, workCoreMs: 300 },
  { cpuCores: 0.7, workCoreMs: 800 },
  { cpuCores: 1, workCoreMs: 1_500 },
] as const;
const UNBRANCHED = { cpuCores: 0.25, workCoreMs: 10 };

/** Runs of skewed branches: the later the branch, the longer it works and the more CPU it can use. */
export function skewedProfiles(
  dag: DagDescription,
  { runs, grid, dagInputBytes: firstBytes = 45_000, demandFactor = 1 }: SkewedRuns,
): Profile[] {
  return Array.from({ length: runs }, (_, at) => at).flatMap((at) => {
    const dagInputBytes = Math.round(firstBytes * (1 + at / 100));
    const root = fresh();
    return dag.functions.map((fn): Profile => {
      const { cpuCores, workCoreMs } = SKEWED[fn.position ?? -1] ?? UNBRANCHED;
      const cores = cpuCores * demandFactor;
      const durationMs = workCoreMs / cores + at;
      const limits = { cpuCores: 2, memoryMb: 2048 };
      return {
        ...{ v: 1, namespace: dag.namespace, dag: dag.name, dagVersion: dag.version, root },
        ...{ functionIndex: fn.index, stage: fn.stage, dagInputBytes, functionInputBytes: dagInputBytes / 3 },
        ...{ grid, startMs: at, endMs: at + durationMs },
        observation: {
          ...{ v: 1, activationId: fresh(), mode: "profile", enforcement: "cgroup-v1", allocated: limits, user: limits, cold: false },
          ...{ durationMs, cpuTimeMs: durationMs * cores, cpuMeanCores: cores, cpuPeakCores: cores, throttledMs: 0 },
          ...{ memoryPeakMb: 40, samples: 10, outcome: "success" },
        },
      };
    });
  });
}
