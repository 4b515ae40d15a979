/** The limits that the kernel holds a process to, found from the process alone: the proof, for tests and for people, that one is in force. */
import type { Limits } from "./group.js";
import { type Host, systemHost } from "./host.js";
import { readTopology } from "./topology.js";
import { readV1Limits } from "./v1-group.js";
import { readV2Limits } from "./v2-group.js";

/** Of the process's own group, not of those above it. OWH_NO_CGROUP when a file of the group cannot be read. */
export function limitsOfProcess(pid: number, overrides: Partial<Host> = {}): Limits {
  const { fs } = systemHost(overrides);
  const topology = readTopology(fs, pid);
  const v2 = topology.v2?.ownDir;
  if (v2 !== undefined && fs.exists(`${v2}/cpu.max`) && fs.exists(`${v2}/memory.max`)) return readV2Limits(fs, v2);
  const cpu = topology.v1("cpu")?.ownDir;
  const memory = topology.v1("memory")?.ownDir;
  return cpu === undefined || memory === undefined ? {} : readV1Limits(fs, { cpu, memory });
}
