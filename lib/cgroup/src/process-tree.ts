/**
 * CPU time and memory of a process tree from /proc, for hosts without control groups.
 *
 * process-tree.T1  The CPU time never goes back: what an orphan had used when another process reaped it is lost to the
 *     sum, not to the result.
 * process-tree.T2  A process once seen in the tree stays in it, even when its parent has died, until it ends.
 */
import { BYTES_PER_MB } from "./amounts.js";
import { errnoOf } from "./fs.js";
import type { Host } from "./host.js";
import { type ProcessStat, parseStat } from "./parse.js";

/** USER_HZ, part of Linux's ABI to user space: 100 ticks a second on every platform that Node.js runs on. */
const US_PER_TICK = 10_000;
/** Looking at every process of the host costs milliseconds, reading the known ones microseconds. */
const RESCAN_MS = 250;

export interface TreeUsage {
  readonly cpuUsageUs: number;
  readonly residentBytes: number;
}

export class ProcessTree {
  readonly #host: Host;
  readonly #startTicks = new Map<number, number>();
  #scannedAtMs = Number.NEGATIVE_INFINITY;
  #cpuUsageUs = 0;

  constructor(host: Host) {
    this.#host = host;
  }

  /** False when there is no such process. */
  add(pid: number): boolean {
    const stat = this.#stat(pid);
    if (!stat) return false;
    this.#startTicks.set(pid, stat.startTicks);
    this.#scannedAtMs = Number.NEGATIVE_INFINITY;
    return true;
  }

  /** All living members, looked for anew. */
  members(): number[] {
    this.#scan();
    return [...this.#startTicks.keys()].filter((pid) => this.#member(pid)?.zombie === false);
  }

  usage(): TreeUsage {
    if (this.#host.clock.monotonicMs() - this.#scannedAtMs >= RESCAN_MS) this.#scan();
    let ticks = 0;
    let residentBytes = 0;
    for (const pid of this.#startTicks.keys()) {
      const stat = this.#member(pid);
      ticks += stat?.cpuTicks ?? 0;
      residentBytes += stat ? this.#residentBytes(pid) : 0;
    }
    this.#cpuUsageUs = Math.max(this.#cpuUsageUs, ticks * US_PER_TICK);
    return { cpuUsageUs: this.#cpuUsageUs, residentBytes };
  }

  #scan(): void {
    this.#scannedAtMs = this.#host.clock.monotonicMs();
    for (const pid of [...this.#startTicks.keys()]) if (!this.#member(pid)) this.#startTicks.delete(pid);
    const children = new Map<number, ProcessStat[]>();
    for (const name of this.#host.fs.childDirs("/proc")) {
      const stat = /^\d+$/.test(name) ? this.#stat(Number(name)) : undefined;
      if (stat) children.set(stat.parentPid, [...(children.get(stat.parentPid) ?? []), stat]);
    }
    const queue = [...this.#startTicks.keys()];
    for (let pid = queue.pop(); pid !== undefined; pid = queue.pop())
      for (const child of children.get(pid) ?? []) {
        if (this.#startTicks.has(child.pid)) continue;
        this.#startTicks.set(child.pid, child.startTicks);
        queue.push(child.pid);
      }
  }

  /** Zombies too: until they are reaped, their CPU time stands nowhere else. */
  #member(pid: number): ProcessStat | undefined {
    const stat = this.#stat(pid);
    return stat?.startTicks === this.#startTicks.get(pid) ? stat : undefined;
  }

  #stat(pid: number): ProcessStat | undefined {
    const text = this.#readIfThere(`/proc/${pid}/stat`);
    return text === undefined ? undefined : parseStat(text);
  }

  #residentBytes(pid: number): number {
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(this.#readIfThere(`/proc/${pid}/status`) ?? "")?.[1];
    return (Number(kilobytes ?? 0) * BYTES_PER_MB) / 1024; // a zombie has no VmRSS
  }

  #readIfThere(path: string): string | undefined {
    try {
      return this.#host.fs.read(path);
    } catch (error) {
      const code = errnoOf(error);
      if (code === "ENOENT" || code === "ESRCH") return undefined;
      throw error;
    }
  }
}
