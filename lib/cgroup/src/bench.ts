/**
 * What sampling costs on this host, measured where it happens: real groups with a sleeping process each, real monitors at the
 * given period, and this process's own CPU time with and without them.
 */
import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { type Enforcement, HarvestError } from "@openwhisk-harvest/core";
import { detectEnforcement, type Enforcer } from "./detect.js";
import type { ContainerGroup } from "./group.js";
import { startMonitor } from "./monitor.js";

export interface SamplingCostOptions {
  /** How many containers are sampled at once. */
  readonly containers?: number;
  readonly periodMs?: number;
  readonly windowMs?: number;
  /** Of each of the measured rounds. */
  readonly roundMs?: number;
  readonly rounds?: number;
}

export interface SamplingCost {
  readonly enforcement: Enforcement;
  readonly containers: number;
  readonly periodMs: number;
  /** Elapsed time of one reading for a monitor, in us. */
  readonly readUs: { readonly p50: number; readonly p99: number };
  /**
   * Share of one core that sampling one container takes of this process: readings, arithmetic and wake-ups, without what the
   * process does anyway. Median, least and most of the rounds.
   */
  readonly coreShare: { readonly p50: number; readonly min: number; readonly max: number };
}

/** OWH_NO_CGROUP where no control group can be written. Takes about `rounds` times two `roundMs`. */
export async function measureSamplingCost(options: SamplingCostOptions = {}): Promise<SamplingCost> {
  const { containers = 10, periodMs = 20, windowMs = 100, roundMs = 1_000, rounds = 5 } = options;
  const enforcer = await detectEnforcement({ allow: ["cgroup-v2", "cgroup-v1"] });
  try {
    if (enforcer.enforcement === "none") throw new HarvestError("OWH_NO_CGROUP", enforcer.reason);
    const groups = await sleepingGroups(enforcer, containers);
    const cpuMsOf = async (sampled: readonly ContainerGroup[], everyMs = periodMs) => {
      const monitors = sampled.map((group) => startMonitor(group, { periodMs: everyMs, windowMs }));
      const before = process.cpuUsage();
      await sleep(roundMs); // the time that is measured
      const { user, system } = process.cpuUsage(before);
      for (const monitor of monitors) monitor.stop();
      return (user + system) / 1_000;
    };
    await cpuMsOf(groups, 1); // a node runs for days: what is measured has been compiled
    const shares: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const idleMs = await cpuMsOf([]);
      shares.push(Math.max(0, (await cpuMsOf(groups)) - idleMs) / roundMs / containers);
    }
    const coreShare = { p50: quantile(shares, 0.5), min: Math.min(...shares), max: Math.max(...shares) };
    return { enforcement: enforcer.enforcement, containers, periodMs, readUs: await timeReads(groups, periodMs), coreShare };
  } finally {
    await enforcer.close();
  }
}

async function sleepingGroups(enforcer: Enforcer, count: number): Promise<ContainerGroup[]> {
  const groups: ContainerGroup[] = [];
  for (let i = 0; i < count; i++) {
    const group = await enforcer.createGroup(`sampled-${i}`);
    const sleeper = spawn("sleep", ["600"], { stdio: "ignore" });
    await group.add(sleeper.pid as number);
    groups.push(group);
  }
  return groups;
}

/** A hundred readings of each group, a period apart: readings in a tight loop find everything in the CPU's caches. */
async function timeReads(groups: readonly ContainerGroup[], periodMs: number) {
  const us: number[] = [];
  for (let round = 0; round < 100; round++) {
    await sleep(periodMs);
    for (const group of groups) {
      const startMs = performance.now();
      group.read("usage");
      us.push((performance.now() - startMs) * 1_000);
    }
  }
  return { p50: quantile(us, 0.5), p99: quantile(us, 0.99) };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
}
