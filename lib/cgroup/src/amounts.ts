/** Between cores and CFS quotas, MB and bytes. Pure. */
import { HarvestError } from "@openwhisk-harvest/core";

/** The kernel's default, and what Docker and OpenWhisk use. */
export const CFS_PERIOD_US = 100_000;
/** The kernel refuses a smaller quota (min_cfs_quota_period, 1 ms): 0.01 core at this period. */
const MIN_QUOTA_US = 1_000;
export const BYTES_PER_MB = 1 << 20;
/**
 * How far above the working set a shrunk limit must lie. The function goes on allocating between our look and our
 * write, and v2's kernel then kills instead of refusing (tried: exit 137).
 */
const SHRINK_MARGIN_BYTES = 4 * BYTES_PER_MB;
/** v1 says "unlimited" as the largest page-aligned 63-bit number; no host has four exabytes. */
const UNLIMITED_BYTES = 2 ** 62;

/** 0.5 core -> 50,000 us; 0.001 core -> 1,000 us. */
export function quotaUsOf(cpuCores: number): number {
  if (!Number.isFinite(cpuCores) || cpuCores <= 0)
    throw new HarvestError("OWH_BAD_ALLOCATION", `A CPU limit is a positive number of cores, not ${cpuCores}.`);
  return Math.max(MIN_QUOTA_US, Math.round(cpuCores * CFS_PERIOD_US));
}

export function bytesOf(memoryMb: number | "max"): number | "max" {
  if (memoryMb === "max") return memoryMb;
  if (!Number.isFinite(memoryMb) || memoryMb <= 0)
    throw new HarvestError("OWH_BAD_ALLOCATION", `A memory limit is a positive number of MB or "max", not ${memoryMb}.`);
  return Math.round(memoryMb * BYTES_PER_MB);
}

/** A limit in bytes as MB; absent when it is none. */
export function limitMbOf(text: string): number | undefined {
  const value = text.trim();
  if (value === "max" || Number(value) >= UNLIMITED_BYTES) return undefined;
  return Number(value) / BYTES_PER_MB;
}

/** H5: a limit is never shrunk so far that a function would be killed which had lived until now. */
export function refuseBelowWorkingSet(limitBytes: number | "max", nowMb: number | undefined, workingSetBytes: number): void {
  if (limitBytes === "max" || (nowMb !== undefined && limitBytes >= nowMb * BYTES_PER_MB)) return;
  const floorBytes = workingSetBytes + SHRINK_MARGIN_BYTES;
  if (limitBytes >= floorBytes) return;
  const mb = (bytes: number) => (bytes / BYTES_PER_MB).toFixed(1);
  throw new HarvestError(
    "OWH_BAD_ALLOCATION",
    `A limit of ${mb(limitBytes)} MB is too close to the ${mb(workingSetBytes)} MB in use: at least ${mb(floorBytes)} MB.`,
  );
}
