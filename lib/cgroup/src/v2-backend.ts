/**
 * cgroup v2: our groups stand below the nearest group that can hand down the controllers cpu and memory.
 *
 * Only a group without processes of its own may hand controllers down (cgroup-v2.rst, "No Internal Process Constraint"; the real
 * root is exempt). Ours has at least us in it, so the search goes upwards: a delegated user finds a slice of theirs, root finds a
 * slice or the root. Only when that fails, and our own group is ours to write, its processes step aside into a leaf of it.
 */
import { HarvestError } from "@openwhisk-harvest/core";
import { makeDirs, type Probe } from "./backend.js";
import { errnoOf } from "./fs.js";
import type { Host } from "./host.js";
import { writeLimit } from "./kernel-files.js";
import { removeDirs } from "./members.js";
import { freeBaseName, removeStale } from "./our-groups.js";
import type { Topology } from "./topology.js";
import { V2Group } from "./v2-group.js";
import { stepAside } from "./v2-step-aside.js";

const NEEDED_CONTROLLERS = ["cpu", "memory"] as const;
const HAND_DOWN = NEEDED_CONTROLLERS.map((c) => `+${c}`).join(" ");
const BUSY = "it has processes of its own";

export async function probeV2(host: Host, topology: Topology): Promise<Probe> {
  const place = topology.v2;
  if (!place) return { unavailable: "cgroup v2: not mounted, or our own group is outside of what the mount shows" };
  const reasons: string[] = [];
  let ownGroupIsBusy = false;
  const parents = upwards(place.ownDir, place.mountPoint);
  await removeStale(host, parents, [place.mountPoint]);
  for (const parent of parents) {
    const refusal = whyNot(host, parent);
    if (refusal === undefined) return below(host, parent, async () => undefined);
    reasons.push(refusal);
    ownGroupIsBusy ||= parent === place.ownDir && refusal.endsWith(BUSY);
  }
  if (ownGroupIsBusy) {
    const aside = stepAside(host, place.ownDir);
    if ("stepBack" in aside) return below(host, place.ownDir, aside.stepBack);
    reasons.push(aside.unavailable);
  }
  return { unavailable: `cgroup v2: ${reasons.join("; ")}` };
}

/** The directory itself, its parent, and so on up to the mount. */
function upwards(dir: string, mountPoint: string): string[] {
  const dirs = [dir];
  for (let at = dir; at !== mountPoint && at.startsWith(`${mountPoint}/`); ) {
    at = at.slice(0, at.lastIndexOf("/"));
    dirs.push(at);
  }
  return dirs;
}

/** Undefined when groups with both controllers can be made below `dir` and our processes moved there; else why not. */
function whyNot({ fs }: Host, dir: string): string | undefined {
  const controllers = fs.read(`${dir}/cgroup.controllers`).trim().split(" ");
  const missing = NEEDED_CONTROLLERS.filter((c) => !controllers.includes(c));
  if (missing.length > 0) return `${dir} lacks the controllers ${missing.join(", ")}`;
  if (!fs.isWritable(dir)) return `${dir} is not writable`;
  // Moving a process needs this file of the common ancestor of where it is and where it goes.
  if (!fs.isWritable(`${dir}/cgroup.procs`)) return `${dir}/cgroup.procs is not writable`;
  const handedDown = fs.read(`${dir}/cgroup.subtree_control`).trim().split(" ");
  if (NEEDED_CONTROLLERS.every((c) => handedDown.includes(c))) return undefined;
  try {
    fs.write(`${dir}/cgroup.subtree_control`, HAND_DOWN);
    return undefined;
  } catch (error) {
    const code = errnoOf(error);
    if (code === undefined) throw error;
    return `${dir} cannot hand down cpu and memory: ${code === "EBUSY" ? BUSY : code}`;
  }
}

async function below(host: Host, parent: string, stepBack: () => Promise<void>): Promise<Probe> {
  const base = `${parent}/${freeBaseName(host.fs, host.pid, [parent])}`;
  let made = false;
  const close = async () => {
    if (made) await removeDirs(host, [base]);
    await stepBack();
  };
  try {
    makeDirs(host, [base]);
    made = true;
    writeLimit(host.fs, `${base}/cgroup.subtree_control`, HAND_DOWN);
  } catch (error) {
    await close();
    if (error instanceof HarvestError) return { unavailable: `cgroup v2: ${error.message}` };
    throw error;
  }
  const create = (name: string, onRemoved: () => void) => {
    makeDirs(host, [`${base}/${name}`]);
    return new V2Group(host, name, `${base}/${name}`, onRemoved);
  };
  return { backend: { where: `cgroup v2, below ${parent}`, create, close } };
}
