/**
 * The live tests as values, so that the same code runs under node:test on this machine and one by one inside of a virtual
 * machine that has no test runner's comfort. A case fails by throwing.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { detectEnforcement, type Enforcer } from "../detect.js";
import type { ContainerGroup } from "../group.js";
import { startMonitor } from "../monitor.js";
import { topologyOf } from "../topology.js";
import type { Usage } from "../usage.js";
import { Child } from "./child.kit.js";

/** What differs between the places where cases run. */
export interface LiveSetup {
  readonly enforcement: "cgroup-v1" | "cgroup-v2";
  readonly windowMs: number;
  readonly tolerance: {
    /** Shares of the true value; a peak is right within its share or within `cpuPeakCores`, whichever is more. */
    readonly cpuMeanShare: number;
    readonly cpuPeakShare: number;
    readonly cpuPeakCores: number;
    readonly memoryShare: number;
  };
  /** Takes what a case measured, for people. */
  note(text: string): void;
  /** A file on a disk, of which nothing is in the page cache when this returns. */
  uncachedFile(): { readonly path: string; readonly mb: number };
}

export interface LiveCase {
  readonly name: string;
  run(setup: LiveSetup): Promise<void>;
}

/** One child in a group of its own. */
export interface GroupedChild {
  readonly enforcer: Enforcer;
  readonly group: ContainerGroup;
  readonly child: Child;
}

/** Clears everything away afterwards, whether the case held or not. */
export async function withChildInGroup({ enforcement }: LiveSetup, act: (grouped: GroupedChild) => Promise<void>): Promise<void> {
  const enforcer = await detectEnforcement({ allow: [enforcement] });
  try {
    const group = await enforcer.createGroup("live");
    const child = await Child.start();
    await group.add(child.pid);
    await act({ enforcer, group, child });
  } finally {
    await enforcer.close();
  }
}

/** What the group uses in so many ms. */
export async function measure(group: ContainerGroup, { windowMs }: LiveSetup, ms: number): Promise<Usage> {
  const monitor = startMonitor(group, { periodMs: 20, windowMs });
  await sleep(ms); // the run that is measured
  return monitor.stop() ?? assert.fail("its group cannot be read");
}

/** Directories of our groups that a process stands in: its v2 group, then those of v1's cpu, cpuacct and memory. */
export function groupDirsOf(pid: number): string[] {
  const topology = topologyOf(readFileSync("/proc/self/mountinfo", "utf8"), readFileSync(`/proc/${pid}/cgroup`, "utf8"));
  const places = [topology.v2, topology.v1("cpu"), topology.v1("cpuacct"), topology.v1("memory")];
  return places.flatMap((place) => (place?.ownDir.includes("/openwhisk-harvest-") ? [place.ownDir] : []));
}
