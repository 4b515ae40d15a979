/**
 * What a container can read of itself (composer-and-runtimes, 5.1): for the line of a run for which there was no node agent. Two
 * readings, one at each end of the run: CPU time and its mean are exact, the peaks are what these two saw.
 */
import { readFileSync } from "node:fs";

export interface OwnReading {
  readonly atMs: number;
  readonly cpuUs: number;
  readonly throttledUs?: number;
  readonly workingSetBytes: number;
}

export interface OwnLimits {
  readonly cpuCores?: number;
  readonly memoryMb: number;
}

export interface OwnGroup {
  readonly enforcement: "cgroup-v2" | "cgroup-v1";
  read(): OwnReading;
  limits(): OwnLimits;
}

const ROOT = "/sys/fs/cgroup";
const BYTES_PER_MB = 1 << 20;

/** Undefined where the container shows neither kind. */
export function ownGroup(root = ROOT, nowMs: () => number = () => performance.now()): OwnGroup | undefined {
  for (const group of [v2(root, nowMs), v1(root, nowMs)])
    try {
      group.read();
      return group;
    } catch {
      // the files of the other version, or none
    }
  return undefined;
}

function v2(root: string, nowMs: () => number): OwnGroup {
  const text = (name: string) => readFileSync(`${root}/${name}`, "latin1");
  return {
    enforcement: "cgroup-v2",
    read: () => {
      const stat = text("cpu.stat");
      return {
        atMs: nowMs(),
        cpuUs: keyed(stat, "usage_usec") ?? 0,
        throttledUs: keyed(stat, "throttled_usec") ?? 0,
        workingSetBytes: workingSet(text("memory.current"), keyed(text("memory.stat"), "inactive_file")),
      };
    },
    limits: () => {
      const [quota = "max", period] = text("cpu.max").trim().split(" ");
      const memoryMb = Number(text("memory.max")) / BYTES_PER_MB;
      return quota === "max" ? { memoryMb } : { cpuCores: Number(quota) / Number(period), memoryMb };
    },
  };
}

function v1(root: string, nowMs: () => number): OwnGroup {
  const text = (name: string) => readFileSync(`${root}/${name}`, "latin1");
  return {
    enforcement: "cgroup-v1",
    read: () => ({
      atMs: nowMs(),
      cpuUs: Number(text("cpuacct/cpuacct.usage")) / 1_000,
      throttledUs: (keyed(text("cpu/cpu.stat"), "throttled_time") ?? 0) / 1_000,
      workingSetBytes: workingSet(text("memory/memory.usage_in_bytes"), keyed(text("memory/memory.stat"), "total_inactive_file")),
    }),
    limits: () => {
      const quotaUs = Number(text("cpu/cpu.cfs_quota_us"));
      const memoryMb = Number(text("memory/memory.limit_in_bytes")) / BYTES_PER_MB;
      return quotaUs > 0 ? { cpuCores: quotaUs / Number(text("cpu/cpu.cfs_period_us")), memoryMb } : { memoryMb };
    },
  };
}

function workingSet(usage: string, inactiveBytes = 0): number {
  return Math.max(0, Number(usage) - inactiveBytes);
}

function keyed(text: string, key: string): number | undefined {
  const line = text.split("\n").find((one) => one.startsWith(`${key} `));
  return line === undefined ? undefined : Number(line.slice(key.length + 1));
}
