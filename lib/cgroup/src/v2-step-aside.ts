/** Makes room in our own v2 group: a group with processes cannot hand controllers down, so they move to a leaf below it. */
import { errnoOf } from "./fs.js";
import type { Host } from "./host.js";
import { membersOf, removeDirs } from "./members.js";

const LEAF = "openwhisk-harvest-supervisor";

export type Aside = { readonly stepBack: () => Promise<void> } | { readonly unavailable: string };

/**
 * For a group that is ours to write, has the controllers, and is refused only because it has processes: a service with
 * `Delegate=yes`, a container with its own tree. The real root is never refused so, and its processes are never touched.
 */
export function stepAside(host: Host, ownDir: string): Aside {
  const { fs } = host;
  const leaf = `${ownDir}/${LEAF}`;
  try {
    fs.makeDir(leaf);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return { unavailable: `${leaf} cannot be created (${errnoOf(error)})` };
  }
  try {
    moveAll(host, ownDir, leaf);
    fs.write(`${ownDir}/cgroup.subtree_control`, "+cpu +memory");
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    moveAll(host, leaf, ownDir);
    fs.removeDir(leaf);
    return { unavailable: `${ownDir} cannot hand down cpu and memory even when empty (${errnoOf(error)})` };
  }
  return { stepBack: () => stepBack(host, ownDir, leaf) };
}

async function stepBack(host: Host, ownDir: string, leaf: string): Promise<void> {
  try {
    host.fs.write(`${ownDir}/cgroup.subtree_control`, "-cpu -memory");
  } catch (error) {
    if (errnoOf(error) === "EBUSY") return; // another group still lives on what is handed down; so the leaf stays
    throw error;
  }
  moveAll(host, leaf, ownDir);
  await removeDirs(host, [leaf]);
}

function moveAll(host: Host, from: string, to: string): void {
  for (const pid of membersOf(host, [from]))
    try {
      host.fs.write(`${to}/cgroup.procs`, String(pid));
    } catch (error) {
      if (errnoOf(error) !== "ESRCH") throw error; // it ended meanwhile
    }
}
