/** From what was observed of a run's CPU to what it needs: the smallest quota that would not have held it back. */
import type { Observation } from "@openwhisk-harvest/core";

/** Linux' bandwidth controller hands a quota out anew each period (cpu.cfs_period_us, cpu.max); both default to this. */
const CFS_PERIOD_MS = 100;

/**
 * D of CPU in cores. A run that is shorter than a period spends at most its CPU time in one, so that over the period is what it
 * needs; its rate over 3 ms of life says how long its request took on the way, and no quota would ever notice. Longer runs need
 * their peak.
 */
export function cpuDemandCores({ durationMs, cpuTimeMs, cpuPeakCores }: Observation): number {
  return durationMs < CFS_PERIOD_MS ? Math.min(cpuPeakCores, cpuTimeMs / CFS_PERIOD_MS) : cpuPeakCores;
}
