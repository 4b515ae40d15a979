/** The ways without control groups: whole CPUs by taskset (util-linux), and nothing at all. Both measure process trees. */
import type { Backend, Probe } from "./backend.js";
import { CpuPool } from "./cpu-pool.js";
import type { Host } from "./host.js";
import { parseCpuList } from "./parse.js";
import { TreeGroup } from "./tree-group.js";

export function probeAffinity(host: Host): Probe {
  if (!host.commandPath.some((folder) => host.fs.exists(`${folder}/taskset`)))
    return { unavailable: "affinity: taskset (util-linux) is not on the PATH" };
  const allowed = /^Cpus_allowed_list:\s+(\S+)$/m.exec(host.fs.read("/proc/self/status"))?.[1] ?? "";
  const pool = new CpuPool(parseCpuList(allowed));
  const where = `CPU affinity, whole cores only (${pool.all.length} here) and memory not limited`;
  const create = (name: string, onRemoved: () => void) => new TreeGroup(host, name, pool, onRemoved);
  return { backend: { where, create, close: async () => undefined } };
}

export function unenforced(host: Host): Backend {
  return {
    where: "no limit is enforced, usage is only measured",
    create: (name, onRemoved) => new TreeGroup(host, name, undefined, onRemoved),
    close: async () => undefined,
  };
}
