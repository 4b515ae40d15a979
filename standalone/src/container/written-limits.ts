/** The limits of one container: what has been written is not written again, and the kernel is asked once after each writing. */
import type { ContainerGroup } from "@openwhisk-harvest/cgroup";

/** A limit that has not been written, or whose writing failed; equal to nothing. */
const UNKNOWN = Number.NaN;

export class WrittenLimits {
  readonly #group: ContainerGroup;
  #cpuCores: number | undefined;
  #memoryLimitMb: number;
  #memoryHighMb: number | undefined;
  #inForce: { readonly cpuCores?: number } | undefined;

  /** `memoryLimitMb`: with which the container was made, where that is known. */
  constructor(group: ContainerGroup, memoryLimitMb = UNKNOWN) {
    this.#group = group;
    this.#memoryLimitMb = memoryLimitMb;
  }

  /** NaN while it is not known. */
  get memoryLimitMb(): number {
    return this.#memoryLimitMb;
  }

  /** As the kernel has it, which may be rounded; undefined where nothing bounds the CPU. */
  get cpuCoresInForce(): number | undefined {
    this.#inForce ??= this.#group.limits();
    return this.#inForce.cpuCores;
  }

  async setCpuCores(cpuCores: number | undefined): Promise<void> {
    if (cpuCores === this.#cpuCores) return;
    this.#cpuCores = UNKNOWN;
    try {
      await this.#group.setCpuCores(cpuCores);
    } finally {
      this.#inForce = undefined;
    }
    this.#cpuCores = cpuCores;
  }

  async setMemoryLimit(limitMb: number): Promise<void> {
    if (limitMb === this.#memoryLimitMb) return;
    this.#memoryLimitMb = UNKNOWN;
    await this.#group.setMemory({ limitMb });
    this.#memoryLimitMb = limitMb;
  }

  async setMemoryHigh(highMb: number | undefined): Promise<void> {
    if (highMb === this.#memoryHighMb) return;
    this.#memoryHighMb = UNKNOWN;
    await this.#group.setMemory({ highMb: highMb ?? "max" });
    this.#memoryHighMb = highMb;
  }
}
