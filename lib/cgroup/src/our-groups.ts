/**
 * Names of our groups, and the clearing away of what a killed process of ours left behind.
 *
 * All groups of one run stand below `openwhisk-harvest-<pid>-<n>`; n tells apart several users of this room in one
 * process.
 * our-groups.G1  Nothing whose name lacks this form is ever changed or removed.
 * our-groups.G2  A group is stale only if no process of that number exists (numbers come back, so some are cleared away
 *     late), if we may write it, and if it holds no process of another PID namespace.
 */
import { HarvestError } from "@openwhisk-harvest/core";
import { type CgroupFs, errnoOf } from "./fs.js";
import type { Host } from "./host.js";
import { isGone, killAll, membersOf, removeDirs } from "./members.js";
import { parseStat } from "./parse.js";

const OUR_BASE = /^openwhisk-harvest-(\d+)-\d+$/;
/** No dots: every file that the kernel puts into a directory beside our groups has one, or is refused as taken. */
const GROUP_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/;

export function requireGroupName(name: string): void {
  if (!GROUP_NAME.test(name))
    throw new HarvestError("OWH_BAD_REQUEST", `Not a name for a control group: ${JSON.stringify(name.slice(0, 80))}.`);
}

/** The first free name among all parents. */
export function freeBaseName(fs: CgroupFs, pid: number, parents: readonly string[]): string {
  for (let n = 0; ; n++) {
    const name = `openwhisk-harvest-${pid}-${n}`;
    if (parents.every((parent) => !fs.exists(`${parent}/${name}`))) return name;
  }
}

function isAlive(host: Host, pid: number): boolean {
  try {
    host.signal(pid, 0);
    const stat = ifThere(() => host.fs.read(`/proc/${pid}/stat`), "");
    return !parseStat(stat).zombie;
  } catch (error) {
    return errnoOf(error) !== "ESRCH"; // EPERM: another user's, but there
  }
}

function staleBasesIn(host: Host, parent: string): string[] {
  if (!host.fs.isWritable(parent)) return [];
  return childDirsIfThere(host.fs, parent).filter((name) => {
    const pid = OUR_BASE.exec(name)?.[1];
    return pid !== undefined && !isAlive(host, Number(pid)) && isOursToClear(host.fs, `${parent}/${name}`);
  });
}

/** Not another user's, and without a process of another PID namespace, whose owner would look dead from here. */
function isOursToClear(fs: CgroupFs, base: string): boolean {
  const dirs = [base, ...childDirsIfThere(fs, base).map((child) => `${base}/${child}`)];
  return dirs.every((dir) => {
    const members = `${dir}/cgroup.procs`;
    return fs.isWritable(dir) && fs.isWritable(members) && !/^0$/m.test(ifThere(() => fs.read(members), ""));
  });
}

/** Kills what still runs in the groups of dead owners and removes them; returns the names of the bases that went. */
export async function removeStale(host: Host, parents: readonly string[], hierarchies: readonly string[]): Promise<string[]> {
  const names = [...new Set(parents.flatMap((parent) => staleBasesIn(host, parent)))];
  for (const name of names) for (const top of hierarchies) for (const dir of basesNamed(host.fs, top, name)) await clear(host, dir);
  return names;
}

/**
 * The dead process may have stood elsewhere than we do in one of the hierarchies, so its base is looked for by its
 * exact name.
 */
function* basesNamed(fs: CgroupFs, dir: string, name: string): Generator<string> {
  for (const child of childDirsIfThere(fs, dir))
    if (child === name) yield `${dir}/${child}`;
    else yield* basesNamed(fs, `${dir}/${child}`, name);
}

async function clear(host: Host, base: string): Promise<void> {
  const groups = childDirsIfThere(host.fs, base).map((child) => `${base}/${child}`);
  for (const dir of [...groups, base]) await killAll(host, dir, () => membersOf(host, [dir]));
  await removeDirs(host, [...groups, base]);
}

function childDirsIfThere(fs: CgroupFs, dir: string): string[] {
  return ifThere(() => fs.childDirs(dir), []);
}

/** Another process of ours may clear the same group away between two looks at it. */
function ifThere<T>(look: () => T, otherwise: T): T {
  try {
    return look();
  } catch (error) {
    if (isGone(error)) return otherwise;
    throw error;
  }
}
