/** CPU: what the kernel allows and what the monitor says of it. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CFS_PERIOD_US } from "../amounts.js";
import type { ContainerGroup } from "../group.js";
import type { Usage } from "../usage.js";
import { groupDirsOf, type LiveCase, type LiveSetup, measure, withChildInGroup } from "./live-case.kit.js";

/** Thirty CFS periods: the piece of one at the end weighs less than 1 % of a core. */
const MEASURED_MS = 3_000;

function holdsTo(threads: number, cpuCores: number): LiveCase {
  return {
    name: `holds ${threads} burning thread(s) to ${cpuCores} core, says so in mean and peak, and counts how long they had to wait`,
    run: (setup) =>
      withChildInGroup(setup, async ({ child, group }) => {
        await child.do("burn", threads);
        await group.setCpuCores(cpuCores);
        prefer(child.pid, setup);
        const usage = await measureThrottled(group, setup);
        setup.note(`mean ${usage.cpuMeanCores.toFixed(4)}, peak ${usage.cpuPeakCores.toFixed(4)} of ${cpuCores} cores`);
        assertMean(setup, usage.cpuMeanCores, cpuCores);
        assertPeak(setup, usage.cpuPeakCores, cpuCores);
        assert.ok((usage.throttledMs ?? 0) > MEASURED_MS / 4, `throttled ${usage.throttledMs} ms`);
        assert.ok(usage.samples >= MEASURED_MS / 80, `${usage.samples} samples`);
      }),
  };
}

/** Others on this machine must not keep the CPU from the group: it wins against them all until its quota is used up. */
function prefer(pid: number, { enforcement }: LiveSetup): void {
  const [dir = ""] = groupDirsOf(pid); // v2's only one, or v1's for cpu
  const most = enforcement === "cgroup-v2" ? ["cpu.weight", "10000"] : ["cpu.shares", "262144"];
  for (const at of [dirname(dir), dir]) writeFileSync(`${at}/${most[0]}`, String(most[1]));
}

const ATTEMPTS = 4;

/**
 * What a group uses that is held back in every period. A hypervisor may still take the machine's own CPUs away; the kernel's
 * count of throttled periods says when it did, and then the measurement is made again.
 */
async function measureThrottled(group: ContainerGroup, setup: LiveSetup): Promise<Usage> {
  const throttledPeriods = () => group.read().throttledPeriods ?? 0;
  // The first period after a limit is written may be cut short.
  const deadlineMs = performance.now() + 10_000;
  for (const before = throttledPeriods(); throttledPeriods() < before + 2; await sleep(10))
    assert.ok(performance.now() < deadlineMs, "the group was never held back");
  for (let attempt = 1; ; attempt++) {
    const before = throttledPeriods();
    const usage = await measure(group, setup, MEASURED_MS);
    const periods = Math.floor(usage.durationMs / (CFS_PERIOD_US / 1_000));
    if (throttledPeriods() - before >= periods || attempt === ATTEMPTS) return usage;
  }
}

function assertMean({ tolerance }: LiveSetup, actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) <= tolerance.cpuMeanShare * expected, `mean ${actual} of ${expected} cores`);
}

function assertPeak({ tolerance }: LiveSetup, actual: number, expected: number): void {
  const allowed = Math.max(tolerance.cpuPeakShare * expected, tolerance.cpuPeakCores);
  assert.ok(Math.abs(actual - expected) <= allowed, `peak ${actual} of ${expected} cores`);
}

const liftsLimit: LiveCase = {
  name: "gives a burning thread its core again while it runs, once unlimited",
  run: (setup) =>
    withChildInGroup(setup, async ({ child, group }) => {
      await group.setCpuCores(0.25);
      await child.do("burn", 1);
      const limited = await measure(group, setup, 600);
      await group.setCpuCores(undefined);
      const unlimited = await measure(group, setup, 600);
      assert.ok(unlimited.cpuMeanCores > 2 * limited.cpuMeanCores, `${limited.cpuMeanCores}, then ${unlimited.cpuMeanCores} cores`);
    }),
};

export const holdsThreeThreads = holdsTo(3, 0.5);

export const cpuCases: readonly LiveCase[] = [holdsThreeThreads, holdsTo(1, 0.25), liftsLimit];
