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

/** CPU time of the action's containers in clock ticks (10 ms): it grows while a function works. See proc(5), fields 14 and 15 of stat. */
export function cpuTicksOf(actionName: string): number {
  return processesOf(actionName).reduce((sum, pid) => {
    const afterName = readOrEmpty(`/proc/${pid}/stat`).split(") ").at(-1)?.split(" ") ?? [];
    return sum + Number(afterName[11] ?? 0) + Number(afterName[12] ?? 0);
  }, 0);
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
