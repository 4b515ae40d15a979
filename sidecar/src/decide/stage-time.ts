/** The time model (architecture, 5): T(a) = W / min(a, D) for a function given a cores, and the largest T for a stage. */

/** Predicted time in ms. `workCoreMs` is W, `demandCores` is D: more than that a function cannot use. */
export function functionTimeMs(workCoreMs: number, cpuCores: number, demandCores: number): number {
  return workCoreMs / Math.min(cpuCores, demandCores);
}

export interface TimedFunction {
  readonly workCoreMs: number;
  readonly cpuCores: number;
  readonly demandCores: number;
}

/** Predicted time in ms of a stage: that of its slowest branch, whose functions run one after another. */
export function stageTimeMs(branches: readonly (readonly TimedFunction[])[]): number {
  let slowest = 0;
  for (const functions of branches) {
    let branchMs = 0;
    for (const { workCoreMs, cpuCores, demandCores } of functions) branchMs += functionTimeMs(workCoreMs, cpuCores, demandCores);
    slowest = Math.max(slowest, branchMs);
  }
  return slowest;
}
