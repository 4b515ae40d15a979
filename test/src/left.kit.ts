/** What a stack of this process has of its host at a moment when it is quiet. */
import { readdirSync, readFileSync } from "node:fs";
import { type MemoryNow, memoryNow } from "@openwhisk-harvest/testkit";
import type { TestStack } from "./stack.kit.js";

export interface Left extends MemoryNow {
  /** Open files and sockets of this process. */
  readonly descriptors: number;
  /** This process' own children and theirs. */
  readonly processes: number;
  /** Action containers, each with its control group. */
  readonly containers: number;
}

export async function leftNow({ containers }: Pick<TestStack, "containers">): Promise<Left> {
  const groups = (await containers.limits()).size;
  const descriptors = readdirSync("/proc/self/fd").length;
  return { ...memoryNow(), descriptors, processes: descendants(process.pid), containers: groups };
}

function descendants(pid: number): number {
  const parents = new Map<number, number>();
  for (const entry of readdirSync("/proc")) if (/^\d+$/.test(entry)) parents.set(Number(entry), parentOf(Number(entry)));
  const isBelow = (one: number): boolean => {
    const parent = parents.get(one);
    return parent !== undefined && (parent === pid || isBelow(parent));
  };
  return [...parents.keys()].filter(isBelow).length;
}

/** 0 when it has ended since it was listed. proc(5): the fourth field of stat, after a name that may hold anything. */
function parentOf(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ")[1] ?? 0);
  } catch {
    return 0;
  }
}
