/** The time model of DESIGN section 5: T(a) = W / min(a, D) for a function given a cores, and the largest T for a stage. */

/** Predicted time in ms. `workCoreMs` is W, `demandCores` is D: more than that a function cannot use. */
export function functionTimeMs(workCoreMs: number, cpuCores: number, demandCores: number): number {
  return workCoreMs / Math.min(cpuCores, demandCores);
}

export interface TimedFunction {
  readonly demandCores: number;
  readonly workCoreMs: number;
}

/** Predicted time in ms of a stage whose i-th function has `cpuCores[i]`; a stage is as slow as its slowest branch. */
export function stageTimeMs(functions: readonly TimedFunction[], cpuCores: readonly number[]): number {
  let slowest = 0;
  for (const [i, { workCoreMs, demandCores }] of functions.entries())
    slowest = Math.max(slowest, functionTimeMs(workCoreMs, cpuCores[i] as number, demandCores));
  return slowest;
}
