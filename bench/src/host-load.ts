/**
 * How busy the host was with other things while something was measured: what a peak shows depends on what else wanted
 * the CPU.
 */
import { cpus } from "node:os";

export interface HostLoad {
  /** Cores that others used on average since the start, when the measured runs themselves took so much CPU time. */
  othersCores(ownCpuTimeMs: number): number;
}

/** This process counts as ours; its children, other than what is told as measured, count as others. */
export function watchHostLoad(): HostLoad {
  const [startedMs, busyMs, own] = [performance.now(), hostBusyMs(), process.cpuUsage()];
  return {
    othersCores(ownCpuTimeMs) {
      const used = process.cpuUsage(own);
      const processMs = (used.user + used.system) / 1_000;
      const elapsedMs = performance.now() - startedMs;
      return Math.max(0, hostBusyMs() - busyMs - processMs - ownCpuTimeMs) / elapsedMs;
    },
  };
}

function hostBusyMs(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
}
