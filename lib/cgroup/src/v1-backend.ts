/** cgroup v1: our groups stand below our own group, in each of the three hierarchies that we need. */
import { HarvestError } from "@openwhisk-harvest/core";
import { CFS_PERIOD_US } from "./amounts.js";
import { makeDirs, type Probe } from "./backend.js";
import type { Host } from "./host.js";
import { writeLimit } from "./kernel-files.js";
import { removeDirs } from "./members.js";
import { freeBaseName, removeStale } from "./our-groups.js";
import type { Place, Topology } from "./topology.js";
import { type V1Dirs, V1Group } from "./v1-group.js";

const CONTROLLERS = ["cpu", "cpuacct", "memory"] as const;

export async function probeV1(host: Host, topology: Topology): Promise<Probe> {
  const places = CONTROLLERS.map((controller) => topology.v1(controller));
  const missing = CONTROLLERS.filter((_, i) => places[i] === undefined);
  const [cpu, cpuacct, memory] = places;
  if (!cpu || !cpuacct || !memory) return { unavailable: `cgroup v1: ${missing.join(", ")} not mounted here` };
  const parents = [...new Set([cpu.ownDir, cpuacct.ownDir, memory.ownDir])];
  await removeStale(host, parents, hierarchiesOf([cpu, cpuacct, memory]));

  const baseName = freeBaseName(host.fs, host.pid, parents);
  const dirsOf = (...below: string[]): V1Dirs => ({
    cpu: [cpu.ownDir, baseName, ...below].join("/"),
    cpuacct: [cpuacct.ownDir, baseName, ...below].join("/"),
    memory: [memory.ownDir, baseName, ...below].join("/"),
  });
  const bases = listOf(dirsOf());
  const refusal = await makeBase(host, dirsOf());
  if (refusal) return { unavailable: `cgroup v1: ${refusal.message}` };
  const create = (name: string, onRemoved: () => void) => {
    const dirs = dirsOf(name);
    makeDirs(host, listOf(dirs));
    return new V1Group(host, name, dirs, onRemoved);
  };
  return { backend: { where: `cgroup v1, below ${parents.join(", ")}`, create, close: () => removeDirs(host, bases) } };
}

/** Makes the directories and proves that limits can be written there; or leaves nothing and says why not. */
async function makeBase(host: Host, base: V1Dirs): Promise<HarvestError | undefined> {
  const dirs = listOf(base);
  let made = false;
  try {
    makeDirs(host, dirs);
    made = true;
    prepare(host, base);
    return undefined;
  } catch (error) {
    if (made) await removeDirs(host, dirs); // on a read-only mount even removing nothing fails
    if (error instanceof HarvestError) return error;
    throw error;
  }
}

function prepare({ fs }: Host, base: V1Dirs): void {
  writeLimit(fs, `${base.cpu}/cpu.cfs_period_us`, String(CFS_PERIOD_US)); // absent without CONFIG_CFS_BANDWIDTH
  writeLimit(fs, `${base.memory}/memory.limit_in_bytes`, "-1");
  const hierarchy = `${base.memory}/memory.use_hierarchy`; // gone or always 1 since Linux 5.11
  if (fs.exists(hierarchy) && fs.read(hierarchy).trim() !== "1") writeLimit(fs, hierarchy, "1");
}

const listOf = ({ cpu, cpuacct, memory }: V1Dirs) => [...new Set([cpu, cpuacct, memory])];

const hierarchiesOf = (places: readonly Place[]) => [...new Set(places.map((place) => place.mountPoint))];
