/** A group without control groups: a process tree, pinned to whole CPUs where that is possible (affinity), or only looked at (none). */
import { HarvestError } from "@openwhisk-harvest/core";
import { bytesOf, quotaUsOf } from "./amounts.js";
import type { CpuPool } from "./cpu-pool.js";
import type { ContainerGroup, Limits, MemoryLimits, Sample } from "./group.js";
import type { Host } from "./host.js";
import { killAll, noCgroup } from "./members.js";
import { ProcessTree } from "./process-tree.js";

export class TreeGroup implements ContainerGroup {
  readonly name: string;
  readonly #host: Host;
  readonly #tree: ProcessTree;
  readonly #onRemoved: () => void;
  /** Absent where nothing is enforced. */
  readonly #pool: CpuPool | undefined;
  /** Absent while unlimited. */
  #pinnedTo: number[] | undefined;

  constructor(host: Host, name: string, pool: CpuPool | undefined, onRemoved: () => void) {
    this.name = name;
    this.#host = host;
    this.#pool = pool;
    this.#tree = new ProcessTree(host);
    this.#onRemoved = onRemoved;
  }

  async add(pid: number): Promise<void> {
    if (!this.#tree.add(pid)) throw new HarvestError("OWH_NOT_FOUND", `Process ${pid} is gone.`);
    if (this.#pinnedTo) await this.#pin(this.#pinnedTo);
  }

  async setCpuCores(cpuCores: number | undefined): Promise<void> {
    if (cpuCores !== undefined) quotaUsOf(cpuCores); // refuses what is no amount
    if (!this.#pool) return;
    if (this.#pinnedTo) this.#pool.giveBack(this.#pinnedTo);
    this.#pinnedTo = cpuCores === undefined ? undefined : this.#pool.take(cpuCores);
    await this.#pin(this.#pinnedTo ?? this.#pool.all);
  }

  async setMemory({ limitMb, highMb }: MemoryLimits): Promise<void> {
    for (const amount of [limitMb, highMb]) if (amount !== undefined) bytesOf(amount); // refuses what is no amount
  }

  read(): Sample {
    const { cpuUsageUs, residentBytes } = this.#tree.usage();
    return { atMs: this.#host.clock.monotonicMs(), cpuUsageUs, workingSetBytes: residentBytes };
  }

  limits(): Limits {
    return this.#pinnedTo ? { cpuCores: this.#pinnedTo.length } : {};
  }

  processes(): number[] {
    return this.#tree.members();
  }

  async kill(): Promise<void> {
    await killAll(this.#host, this.name, () => this.processes());
  }

  async remove(): Promise<void> {
    if (this.#pinnedTo) this.#pool?.giveBack(this.#pinnedTo);
    this.#pinnedTo = undefined;
    this.#onRemoved();
  }

  /** Every thread of every member; what they start later inherits it. */
  async #pin(cpus: readonly number[]): Promise<void> {
    for (const pid of this.#tree.members())
      try {
        await this.#host.run("taskset", ["--all-tasks", "--pid", "--cpu-list", cpus.join(","), String(pid)]);
      } catch (error) {
        // A member that ended meanwhile needs no CPUs.
        if (this.#tree.members().includes(pid)) throw noCgroup(`Pinning process ${pid} to CPUs ${cpus.join(",")}`, error);
      }
  }
}
