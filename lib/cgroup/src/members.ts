/** Processes and directories of a group, the same for v1 (one directory per hierarchy) and v2 (one directory). */
import { HarvestError, messageOf } from "@openwhisk-harvest/core";
import { errnoOf } from "./fs.js";
import type { Host } from "./host.js";
import { parsePids } from "./parse.js";

/** Between two looks at a group that is not empty yet. */
const POLL_MS = 2;
/** A killed process with much memory takes a while to go; five seconds are far beyond what was ever seen. */
const DEADLINE_MS = 5_000;

const GONE = new Set(["ENOENT", "ENODEV"]);
export const isGone = (error: unknown) => GONE.has(errnoOf(error) ?? "");

export function noCgroup(doing: string, error: unknown): HarvestError {
  return new HarvestError("OWH_NO_CGROUP", `${doing} failed: ${messageOf(error)}`, { cause: error });
}

export function moveProcess({ fs }: Host, dirs: readonly string[], pid: number): void {
  for (const dir of dirs)
    try {
      fs.write(`${dir}/cgroup.procs`, String(pid));
    } catch (error) {
      if (errnoOf(error) === "ESRCH") throw new HarvestError("OWH_NOT_FOUND", `Process ${pid} is gone.`, { cause: error });
      throw noCgroup(`Moving process ${pid} to ${dir}`, error);
    }
}

/** Members of any of the directories; none when they are gone. */
export function membersOf({ fs }: Host, dirs: readonly string[]): number[] {
  const pids = dirs.flatMap((dir) => {
    try {
      return parsePids(fs.read(`${dir}/cgroup.procs`));
    } catch (error) {
      if (isGone(error)) return [];
      throw noCgroup(`Reading the processes of ${dir}`, error);
    }
  });
  return [...new Set(pids)];
}

export function signalIfThere(host: Host, pid: number): void {
  try {
    host.signal(pid, "SIGKILL");
  } catch (error) {
    if (errnoOf(error) !== "ESRCH") throw error;
  }
}

/** Kills members, and those they start meanwhile, until `members()` is empty. `killAtOnce` is v2's cgroup.kill. */
export async function killAll(host: Host, name: string, members: () => number[], killAtOnce?: () => void): Promise<void> {
  await until(host, `Group ${name} still has processes`, () => {
    const pids = members();
    if (pids.length === 0) return true;
    if (killAtOnce) killAtOnce();
    else for (const pid of pids) signalIfThere(host, pid);
    return false;
  });
}

/** Removes empty groups. The kernel answers EBUSY for a moment after the last process has died. */
export async function removeDirs(host: Host, dirs: readonly string[]): Promise<void> {
  for (const dir of dirs)
    await until(host, `Group ${dir} is still busy`, () => {
      try {
        host.fs.removeDir(dir);
        return true;
      } catch (error) {
        if (isGone(error)) return true;
        if (errnoOf(error) === "EBUSY" || errnoOf(error) === "ENOTEMPTY") return false;
        throw noCgroup(`Removing ${dir}`, error);
      }
    });
}

async function until({ clock }: Host, complaint: string, done: () => boolean): Promise<void> {
  const deadlineMs = clock.monotonicMs() + DEADLINE_MS;
  while (!done()) {
    if (clock.monotonicMs() > deadlineMs) throw new HarvestError("OWH_DEADLINE", `${complaint} after ${DEADLINE_MS} ms.`);
    await clock.sleep(POLL_MS);
  }
}
