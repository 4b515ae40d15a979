/**
 * What sampling costs on this host, measured where it happens: real groups with a sleeping process each, real monitors at the default
 * period, and this process's own CPU time with and without them.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { type ContainerGroup, detectEnforcement, type Enforcer, startMonitor } from "@openwhisk-harvest/cgroup";
import { loadConfig } from "@openwhisk-harvest/core";
import { MissingHere } from "./missing.js";
import { type Figure, figure } from "./statistics.js";

/** How many containers are sampled at once. */
const CONTAINERS = 10;
/** Of each of the measured rounds. */
const ROUND_MS = 1_000;
const ROUNDS = 10;

/** `reads` samples, and the share of one core that sampling one container takes: readings, arithmetic and wake-ups. Rejects with MissingHere without control groups. */
export async function benchMonitor(reads: number): Promise<Figure[]> {
  const { periodMs, windowMs } = loadConfig().sampling;
  const enforcer = await detectEnforcement({ allow: ["cgroup-v2", "cgroup-v1"] });
  const sleepers: ChildProcess[] = [];
  try {
    if (enforcer.enforcement === "none") throw new MissingHere(enforcer.reason);
    const groups = await sleepingGroups(enforcer, sleepers);
    const cpuMsOf = async (sampled: readonly ContainerGroup[], everyMs: number) => {
      const monitors = sampled.map((group) => startMonitor(group, { periodMs: everyMs, windowMs }));
      const before = process.cpuUsage();
      await sleep(ROUND_MS); // the time that is measured
      const { user, system } = process.cpuUsage(before);
      for (const monitor of monitors) monitor.stop();
      return (user + system) / 1_000;
    };
    await cpuMsOf(groups, 1); // a node runs for days: what is measured has been compiled
    const percents: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const idleMs = await cpuMsOf([], periodMs);
      percents.push((100 * Math.max(0, (await cpuMsOf(groups, periodMs)) - idleMs)) / ROUND_MS / CONTAINERS);
    }
    return [
      figure(`one sample (${enforcer.enforcement})`, "us", await timeReads(groups, reads, periodMs)),
      figure(`share of a core, one container at one sample every ${periodMs} ms`, "%", percents),
    ];
  } finally {
    for (const sleeper of sleepers) sleeper.kill();
    await enforcer.close();
  }
}

async function sleepingGroups(enforcer: Enforcer, sleepers: ChildProcess[]): Promise<ContainerGroup[]> {
  const groups: ContainerGroup[] = [];
  for (let i = 0; i < CONTAINERS; i++) {
    const group = await enforcer.createGroup(`sampled-${i}`);
    const sleeper = spawn("sleep", ["600"], { stdio: "ignore" });
    sleepers.push(sleeper);
    await group.add(sleeper.pid as number);
    groups.push(group);
  }
  return groups;
}

/** Readings of the groups in turn, a period apart: in a tight loop they find everything in the CPU's caches. */
async function timeReads(groups: readonly ContainerGroup[], reads: number, periodMs: number): Promise<number[]> {
  const us: number[] = [];
  while (us.length < reads) {
    await sleep(periodMs);
    for (const group of groups) {
      const startMs = performance.now();
      group.read("usage");
      us.push((performance.now() - startMs) * 1_000);
    }
  }
  return us;
}
