/** A group of cgroup v2 (Documentation/admin-guide/cgroup-v2.rst): one directory, all controllers. */
import { bytesOf, CFS_PERIOD_US, limitMbOf, quotaUsOf, refuseBelowWorkingSet } from "./amounts.js";
import type { CgroupFs } from "./fs.js";
import type { ContainerGroup, Limits, MemoryLimits, Sample } from "./group.js";
import type { Host } from "./host.js";
import { KeptFile, readLimit, writeLimit } from "./kernel-files.js";
import { killAll, membersOf, moveProcess, removeDirs } from "./members.js";
import { keyedNumber } from "./parse.js";
import { WorkingSet } from "./working-set.js";

export function readV2Limits(fs: CgroupFs, dir: string): Limits {
  const [quota, periodUs] = readLimit(fs, `${dir}/cpu.max`).trim().split(" ");
  const memoryMb = limitMbOf(readLimit(fs, `${dir}/memory.max`));
  const memoryHighMb = limitMbOf(readLimit(fs, `${dir}/memory.high`));
  return {
    ...(quota !== "max" && { cpuCores: Number(quota) / Number(periodUs) }),
    ...(memoryMb !== undefined && { memoryMb }),
    ...(memoryHighMb !== undefined && { memoryHighMb }),
  };
}

export class V2Group implements ContainerGroup {
  readonly name: string;
  readonly #host: Host;
  readonly #dir: string;
  readonly #files: Readonly<Record<"cpuStat" | "memoryCurrent" | "memoryStat" | "memoryEvents", KeptFile>>;
  readonly #workingSet: WorkingSet;
  readonly #onRemoved: () => void;
  #removed = false;

  /** The directory must exist, with the controllers cpu and memory. */
  constructor(host: Host, name: string, dir: string, onRemoved: () => void) {
    this.name = name;
    this.#host = host;
    this.#dir = dir;
    const file = (name: string) => new KeptFile(host.fs, `${dir}/${name}`);
    this.#files = {
      cpuStat: file("cpu.stat"),
      memoryCurrent: file("memory.current"),
      memoryStat: file("memory.stat"),
      memoryEvents: file("memory.events"),
    };
    this.#workingSet = new WorkingSet(() => keyedNumber(this.#files.memoryStat.read(), "inactive_file") ?? 0);
    this.#onRemoved = onRemoved;
  }

  async add(pid: number): Promise<void> {
    moveProcess(this.#host, [this.#dir], pid);
  }

  async setCpuCores(cpuCores: number | undefined): Promise<void> {
    const quota = cpuCores === undefined ? "max" : quotaUsOf(cpuCores);
    writeLimit(this.#host.fs, `${this.#dir}/cpu.max`, `${quota} ${CFS_PERIOD_US}`);
  }

  /** As the invoker's `--memory-swap` equal to `--memory` does: what is limited gets no swap on top. */
  async setMemory({ limitMb, highMb }: MemoryLimits): Promise<void> {
    const high = highMb === undefined ? undefined : bytesOf(highMb);
    if (limitMb !== undefined) {
      const limitBytes = bytesOf(limitMb);
      refuseBelowWorkingSet(limitBytes, this.limits().memoryMb, this.read().workingSetBytes);
      const swap = `${this.#dir}/memory.swap.max`;
      if (this.#host.fs.exists(swap)) writeLimit(this.#host.fs, swap, limitBytes === "max" ? "max" : "0");
      writeLimit(this.#host.fs, `${this.#dir}/memory.max`, String(limitBytes));
    }
    if (high !== undefined) writeLimit(this.#host.fs, `${this.#dir}/memory.high`, String(high));
  }

  read(part?: "usage"): Sample {
    const atMs = this.#host.clock.monotonicMs();
    const { memoryCurrent, memoryEvents } = this.#files;
    const cpuStat = this.#files.cpuStat.read();
    const currentBytes = Number(memoryCurrent.read());
    const throttledUs = keyedNumber(cpuStat, "throttled_usec");
    const throttledPeriods = keyedNumber(cpuStat, "nr_throttled");
    const oomKills = part ? undefined : keyedNumber(memoryEvents.read(), "oom_kill");
    return {
      atMs,
      cpuUsageUs: keyedNumber(cpuStat, "usage_usec") ?? 0,
      ...(throttledUs !== undefined && { throttledUs }),
      ...(throttledPeriods !== undefined && { throttledPeriods }),
      workingSetBytes: part ? this.#workingSet.aboutBytes(atMs, currentBytes) : this.#workingSet.exactBytes(atMs, currentBytes),
      ...(oomKills !== undefined && { oomKills }),
    };
  }

  limits(): Limits {
    return readV2Limits(this.#host.fs, this.#dir);
  }

  processes(): number[] {
    return membersOf(this.#host, [this.#dir]);
  }

  async kill(): Promise<void> {
    const switchPath = `${this.#dir}/cgroup.kill`; // since Linux 5.14; no process escapes it by forking
    const killAtOnce = this.#host.fs.exists(switchPath) ? () => writeLimit(this.#host.fs, switchPath, "1") : undefined;
    await killAll(this.#host, this.name, () => this.processes(), killAtOnce);
  }

  async remove(): Promise<void> {
    if (this.#removed) return;
    for (const file of Object.values(this.#files)) file.close();
    await removeDirs(this.#host, [this.#dir]);
    this.#removed = true;
    this.#onRemoved();
  }
}
