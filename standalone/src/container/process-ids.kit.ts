/** A container may know its processes by numbers of a namespace of its own. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { ContainerGroup } from "@openwhisk-harvest/cgroup";

/** The host's number of the group's process that its container knows by `inner`. */
export function hostPid(group: ContainerGroup, inner: number): number {
  return group.processes().find((pid) => innerPid(pid) === inner) ?? assert.fail(`the group has no process ${inner}`);
}

/** As its innermost namespace has it. */
export function innerPid(pid: number): number {
  return Number(/^NSpid:.*\s(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}
