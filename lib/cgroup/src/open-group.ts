/**
 * The group of a process that another program has started, as a Docker engine does for its containers: opened to be
 * read and written directly, which takes some ten microseconds where the engine takes 8 ms.
 */
import { HarvestError, messageOf } from "@openwhisk-harvest/core";
import type { CgroupFs } from "./fs.js";
import type { ContainerGroup } from "./group.js";
import { type Host, systemHost } from "./host.js";
import { readTopology, type Topology } from "./topology.js";
import { V1Group } from "./v1-group.js";
import { V2Group } from "./v2-group.js";

/**
 * `pid`: any process of the group, by its number in our PID namespace. `remove()` only closes what was opened here: the
 * group stays its owner's. OWH_NO_CGROUP when the process is gone, or its group cannot be seen from here.
 */
export function openGroup(name: string, pid: number, overrides: Partial<Host> = {}): ContainerGroup {
  const host = systemHost(overrides);
  const leaving: Host = { ...host, fs: leavingDirs(host.fs) };
  const topology = topologyOfProcess(host.fs, pid);
  const v2 = topology.v2?.ownDir;
  if (v2 !== undefined && host.fs.exists(`${v2}/cpu.max`) && host.fs.exists(`${v2}/memory.max`))
    return new V2Group(leaving, name, v2, () => undefined);
  const [cpu, cpuacct, memory] = ["cpu", "cpuacct", "memory"].map((controller) => topology.v1(controller)?.ownDir);
  if (cpu === undefined || cpuacct === undefined || memory === undefined)
    throw new HarvestError("OWH_NO_CGROUP", `No control group with CPU and memory of process ${pid} can be seen from here.`);
  return new V1Group(leaving, name, { cpu, cpuacct, memory }, () => undefined);
}

function topologyOfProcess(fs: CgroupFs, pid: number): Topology {
  try {
    return readTopology(fs, pid);
  } catch (error) {
    throw new HarvestError("OWH_NO_CGROUP", `The control group of process ${pid} cannot be found: ${messageOf(error)}`, { cause: error });
  }
}

/** A spread would not do: the files of a test's kernel may be methods. */
function leavingDirs(fs: CgroupFs): CgroupFs {
  return Object.assign(Object.create(fs) as CgroupFs, { removeDir: () => undefined });
}
