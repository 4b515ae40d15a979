/**
 * A group of cgroup v1: one directory in each of the hierarchies of cpu, cpuacct and memory, which are separate mounts on some
 * hosts and partly one mount on others.
 *
 * Quirks: usage in ns stands with cpuacct, the quota with cpu; memory.limit_in_bytes must never exceed memory.memsw.limit_in_bytes,
 * which exists only with swap accounting; memory stays charged to the group in which it was first touched.
 */
import { bytesOf, CFS_PERIOD_US, limitMbOf, quotaUsOf, refuseBelowWorkingSet } from "./amounts.js";
import type { CgroupFs } from "./fs.js";
import type { ContainerGroup, Limits, MemoryLimits, Sample } from "./group.js";
import type { Host } from "./host.js";
import { KeptFile, readLimit, writeLimit } from "./kernel-files.js";
import { killAll, membersOf, moveProcess, removeDirs } from "./members.js";
import { keyedNumber } from "./parse.js";
import { WorkingSet } from "./working-set.js";

export interface V1Dirs {
  readonly cpu: string;
  readonly cpuacct: string;
  readonly memory: string;
}

export function readV1Limits(fs: CgroupFs, { cpu, memory }: Pick<V1Dirs, "cpu" | "memory">): Limits {
  const quotaUs = Number(readLimit(fs, `${cpu}/cpu.cfs_quota_us`));
  const periodUs = Number(readLimit(fs, `${cpu}/cpu.cfs_period_us`));
  const memoryMb = limitMbOf(readLimit(fs, `${memory}/memory.limit_in_bytes`));
  return { ...(quotaUs > 0 && { cpuCores: quotaUs / periodUs }), ...(memoryMb !== undefined && { memoryMb }) };
}

export class V1Group implements ContainerGroup {
  readonly name: string;
  readonly #host: Host;
  readonly #dirs: V1Dirs;
  readonly #all: readonly string[];
  readonly #files: Readonly<Record<"cpuUsage" | "cpuStat" | "memoryUsage" | "memoryStat" | "oomControl", KeptFile>>;
  readonly #hasMemsw: boolean;
  readonly #workingSet: WorkingSet;
  readonly #onRemoved: () => void;
  #removed = false;

  /** The directories must exist. */
  constructor(host: Host, name: string, dirs: V1Dirs, onRemoved: () => void) {
    this.name = name;
    this.#host = host;
    this.#dirs = dirs;
    this.#all = [...new Set([dirs.cpu, dirs.cpuacct, dirs.memory])];
    const file = (path: string) => new KeptFile(host.fs, path);
    this.#files = {
      cpuUsage: file(`${dirs.cpuacct}/cpuacct.usage`),
      cpuStat: file(`${dirs.cpu}/cpu.stat`),
      memoryUsage: file(`${dirs.memory}/memory.usage_in_bytes`),
      memoryStat: file(`${dirs.memory}/memory.stat`),
      oomControl: file(`${dirs.memory}/memory.oom_control`),
    };
    this.#workingSet = new WorkingSet(() => keyedNumber(this.#files.memoryStat.read(), "total_inactive_file") ?? 0);
    this.#onRemoved = onRemoved;
    this.#hasMemsw = host.fs.exists(`${dirs.memory}/memory.memsw.limit_in_bytes`);
  }

  async add(pid: number): Promise<void> {
    moveProcess(this.#host, this.#all, pid);
  }

  async setCpuCores(cpuCores: number | undefined): Promise<void> {
    const quotaUs = cpuCores === undefined ? -1 : quotaUsOf(cpuCores);
    writeLimit(this.#host.fs, `${this.#dirs.cpu}/cpu.cfs_period_us`, String(CFS_PERIOD_US));
    writeLimit(this.#host.fs, `${this.#dirs.cpu}/cpu.cfs_quota_us`, String(quotaUs));
  }

  async setMemory({ limitMb }: MemoryLimits): Promise<void> {
    if (limitMb === undefined) return;
    const limitBytes = bytesOf(limitMb);
    refuseBelowWorkingSet(limitBytes, this.limits().memoryMb, this.read().workingSetBytes);
    const value = limitBytes === "max" ? "-1" : String(limitBytes);
    const files = [`${this.#dirs.memory}/memory.limit_in_bytes`];
    if (this.#hasMemsw) {
      const memsw = `${this.#dirs.memory}/memory.memsw.limit_in_bytes`;
      const memswNow = Number(readLimit(this.#host.fs, memsw));
      // limit <= memsw must hold after each of the two writes: growing, memsw goes first, shrinking, the limit does.
      if (limitBytes === "max" || limitBytes > memswNow) files.unshift(memsw);
      else files.push(memsw);
    }
    for (const file of files) writeLimit(this.#host.fs, file, value);
  }

  read(part?: "usage"): Sample {
    const { cpuUsage, cpuStat, memoryUsage, oomControl } = this.#files;
    const atMs = this.#host.clock.monotonicMs();
    const cpuUsageUs = Number(cpuUsage.read()) / 1_000;
    const throttling = cpuStat.read();
    const usageBytes = Number(memoryUsage.read());
    const throttledNs = keyedNumber(throttling, "throttled_time");
    const throttledPeriods = keyedNumber(throttling, "nr_throttled");
    const oomKills = part ? undefined : keyedNumber(oomControl.read(), "oom_kill");
    return {
      atMs,
      cpuUsageUs,
      ...(throttledNs !== undefined && { throttledUs: throttledNs / 1_000 }),
      ...(throttledPeriods !== undefined && { throttledPeriods }),
      workingSetBytes: part ? this.#workingSet.aboutBytes(atMs, usageBytes) : this.#workingSet.exactBytes(atMs, usageBytes),
      ...(oomKills !== undefined && { oomKills }),
    };
  }

  limits(): Limits {
    return readV1Limits(this.#host.fs, this.#dirs);
  }

  processes(): number[] {
    return membersOf(this.#host, this.#all);
  }

  async kill(): Promise<void> {
    await killAll(this.#host, this.name, () => this.processes());
  }

  async remove(): Promise<void> {
    if (this.#removed) return;
    for (const file of Object.values(this.#files)) file.close();
    await removeDirs(this.#host, this.#all);
    this.#removed = true;
    this.#onRemoved();
  }
}
