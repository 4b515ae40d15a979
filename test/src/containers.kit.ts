/** Looks at the containers of this process' stack from outside, through the kernel's own files. */
import { readdirSync, readFileSync } from "node:fs";
import { type Limits, limitsOfProcess } from "@openwhisk-harvest/cgroup";

/** Process ids in the control groups of the action, which are named after it: `.../openwhisk-harvest-<our pid>-<n>/wsk..._aes2`. */
export function processesOf(actionName: string): number[] {
  const group = new RegExp(`/openwhisk-harvest-${process.pid}-\\d+/wsk\\d+_\\w*${actionName.replaceAll(/\W/g, "")}(?:\\n|$)`);
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry) && group.test(readOrEmpty(`/proc/${entry}/cgroup`)))
    .map(Number);
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // the process has ended since it was listed
  }
}

/** What the kernel enforces on the action's container right now; undefined when it has none. */
export function limitsOf(actionName: string): Limits | undefined {
  return allLimitsOf(actionName)[0];
}

/** The same, of each process in each of its containers. */
export function allLimitsOf(actionName: string): Limits[] {
  return processesOf(actionName).flatMap((pid) => {
    try {
      return [limitsOfProcess(pid)];
    } catch (error) {
      if ((error as { code?: string }).code !== "OWH_NOT_FOUND") throw error;
      return [];
    }
  });
}

/**
 * Whether a process of the action has worked since the first question. Each is held against itself: the sum over all of them falls when
 * a container goes.
 */
export function workWatch(actionName: string): () => boolean {
  const first = new Map<number, number>();
  return () =>
    processesOf(actionName).some((pid) => {
      const ticks = ticksOf(pid);
      const before = first.get(pid) ?? ticks;
      first.set(pid, before);
      return ticks > before + 1;
    });
}

/** CPU time so far in clock ticks (10 ms): proc(5), fields 14 and 15 of stat. */
function ticksOf(pid: number): number {
  const afterName = readOrEmpty(`/proc/${pid}/stat`).split(") ").at(-1)?.split(" ") ?? [];
  return Number(afterName[11] ?? 0) + Number(afterName[12] ?? 0);
}

/** What the kernel enforces on every container of this process' stack, by control group. */
export function allLimits(): Map<string, Limits> {
  const ours = new RegExp(`/(openwhisk-harvest-${process.pid}-\\d+/wsk\\d+_\\w+)(?:\\n|$)`);
  const limits = new Map<string, Limits>();
  for (const entry of readdirSync("/proc")) {
    const group = /^\d+$/.test(entry) ? ours.exec(readOrEmpty(`/proc/${entry}/cgroup`))?.[1] : undefined;
    if (group === undefined || limits.has(group)) continue;
    try {
      limits.set(group, limitsOfProcess(Number(entry)));
    } catch (error) {
      if ((error as { code?: string }).code !== "OWH_NOT_FOUND") throw error;
    }
  }
  return limits;
}
