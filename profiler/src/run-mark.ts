/**
 * What a run can say of its function's demand. Ordinary runs are profiles, too, as long as nothing held them back; a
 * run under harvested limits shows what it was given, and must never be mistaken for what it needs.
 */
import type { Observation } from "@openwhisk-harvest/core";

/** Codes are stable. */
export type RunMark =
  /** Under the maximum allocation, in mode profile: shows all demands. */
  | "max-allocation"
  /** Under its user allocation, which never throttled it: shows CPU and work. */
  | "unthrottled"
  /** Under its user allocation, and throttled by it; or it was not counted, which is not the same as never. */
  | "throttled"
  /**
   * Under a CPU limit that is not the user's, in either direction; or under less memory than the user's, and up to it.
   */
  | "harvested"
  /** Without a CPU limit of its own to be held against. */
  | "unlimited"
  /** It did not succeed: it may have ended early. */
  | "failed";

export const NO_MARKS: Readonly<Record<RunMark, number>> = {
  "max-allocation": 0,
  unthrottled: 0,
  throttled: 0,
  harvested: 0,
  unlimited: 0,
  failed: 0,
};

export function markOf({ mode, outcome, throttledMs, allocated, user, moved, memoryPeakMb }: Observation): RunMark {
  if (outcome !== "success") return "failed";
  if (mode === "profile") return "max-allocation";
  if (allocated.cpuCores !== user.cpuCores || moved) return "harvested";
  // Below its harvested memory a run never noticed the limit; at it, pages are reclaimed on its own CPU time.
  if (allocated.memoryMb < user.memoryMb && memoryPeakMb >= allocated.memoryMb) return "harvested";
  if (allocated.cpuCores === undefined) return "unlimited";
  return throttledMs === 0 ? "unthrottled" : "throttled";
}

/** Whether a run shows how much CPU, and how much work, its function needs. */
export function showsCpuDemand(observation: Observation): boolean {
  const mark = markOf(observation);
  return mark === "max-allocation" || mark === "unthrottled";
}

/** Whether a run shows how much memory its function needs. */
export function showsMemoryDemand(observation: Observation): boolean {
  return markOf(observation) === "max-allocation";
}
