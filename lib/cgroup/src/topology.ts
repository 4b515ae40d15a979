/** Where the control groups of this host are mounted and where our own process stands in them. */
import type { CgroupFs } from "./fs.js";
import { type CgroupMount, type Membership, parseMemberships, parseMountinfo } from "./parse.js";

/** A hierarchy as it can be reached through the file system. */
export interface Place {
  readonly mountPoint: string;
  /** Directory of the group that the process is in; `mountPoint` itself or below it. */
  readonly ownDir: string;
}

export interface Topology {
  readonly v2?: Place;
  /** The v1 hierarchy a controller is bound to; co-mounted controllers share one. */
  v1(controller: string): Place | undefined;
}

/**
 * Directory of group `path` under a mount that shows group `root` as its top; undefined when the group lies outside of what the
 * mount shows (`/..` of a control group namespace, or another container's tree).
 */
export function directoryOf({ root, mountPoint }: Pick<CgroupMount, "root" | "mountPoint">, path: string): string | undefined {
  if (path.split("/").includes("..")) return undefined;
  if (path === root) return mountPoint;
  const top = root === "/" ? "/" : `${root}/`;
  return path.startsWith(top) ? `${mountPoint}/${path.slice(top.length)}` : undefined;
}

function placeIn(mounts: readonly CgroupMount[], membership: Membership | undefined): Place | undefined {
  if (!membership) return undefined;
  for (const mount of mounts) {
    const ownDir = directoryOf(mount, membership.path);
    if (ownDir !== undefined) return { mountPoint: mount.mountPoint, ownDir };
  }
  return undefined;
}

/** From the text of /proc/<pid>/mountinfo and /proc/<pid>/cgroup. */
export function topologyOf(mountinfo: string, memberships: string): Topology {
  const mounts = parseMountinfo(mountinfo);
  const groups = parseMemberships(memberships);
  const v2 = placeIn(
    mounts.filter((m) => m.version === 2),
    groups.find((g) => g.version === 2),
  );
  return {
    ...(v2 && { v2 }),
    v1: (controller) =>
      placeIn(
        mounts.filter((m) => m.version === 1 && m.controllers.includes(controller)),
        groups.find((g) => g.version === 1 && g.controllers.includes(controller)),
      ),
  };
}

export function readTopology(fs: CgroupFs, pid: number | "self" = "self"): Topology {
  return topologyOf(fs.read("/proc/self/mountinfo"), fs.read(`/proc/${pid}/cgroup`));
}
