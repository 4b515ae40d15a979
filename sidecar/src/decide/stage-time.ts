/** The time model (architecture, 5): T(a) = W / min(a, D) for a function given a cores, and the largest T for a stage. */

/** Predicted time in ms. `workCoreMs` is W, `demandCores` is D: more than that a function cannot use. */
export function functionTimeMs(workCoreMs: number, cpuCores: number, demandCores: number): number {
  return workCoreMs / Math.min(cpuCores, demandCores);
}

/** Predicted time in ms of a stage: that of its slowest branch, whose functions run one after another. */
export function stageTimeMs<T>(branches: readonly (readonly T[])[], msOf: (one: T, branch: number) => number): number {
  let slowest = 0;
  for (const [branch, functions] of branches.entries()) {
    let branchMs = 0;
    for (const one of functions) branchMs += msOf(one, branch);
    slowest = Math.max(slowest, branchMs);
  }
  return slowest;
}
