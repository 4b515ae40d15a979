/**
 * The control group of a Docker container: read from the kernel's files, as often as a monitor likes, and changed
 * through the engine, which takes some 8 ms, keeps the engine's own books right, and survives a systemd that writes
 * limits anew.
 */
import { type ContainerGroup, type Limits, limitsOfProcess, type MemoryLimits, type Sample } from "@openwhisk-harvest/cgroup";
import { type Clock, HarvestError, messageOf } from "@openwhisk-harvest/core";
import type Docker from "dockerode";
import { findGroupFiles, type GroupFiles, readProcesses, readSample } from "./group-files.js";

const BYTES_PER_MB = 1 << 20;
const CFS_PERIOD_US = 100_000;
/** The kernel takes no quota below 1 ms. */
const MIN_QUOTA_US = 1_000;
/**
 * What a limit must leave above the working set when it shrinks: a function that allocates meanwhile must not be killed
 * for it (H5).
 */
const SHRINK_MARGIN_BYTES = 8 * BYTES_PER_MB;

export class DockerGroup implements ContainerGroup {
  readonly name: string;
  readonly #container: Docker.Container;
  readonly #pid: number;
  readonly #files: GroupFiles;
  readonly #clock: Clock;

  /** `pid`: the container's first process. OWH_NO_CGROUP when its group cannot be seen from here. */
  constructor(name: string, container: Docker.Container, pid: number, clock: Clock) {
    this.name = name;
    this.#container = container;
    this.#pid = pid;
    this.#files = findGroupFiles(pid);
    this.#clock = clock;
  }

  async add(pid: number): Promise<void> {
    throw new HarvestError(
      "OWH_NO_CGROUP",
      `Process ${pid} cannot join ${this.name}: the engine alone decides what belongs to a container.`,
    );
  }

  async setCpuCores(cpuCores: number | undefined): Promise<void> {
    const quotaUs = cpuCores === undefined ? -1 : Math.max(Math.round(cpuCores * CFS_PERIOD_US), MIN_QUOTA_US);
    await this.#update({ CpuPeriod: CFS_PERIOD_US, CpuQuota: quotaUs });
  }

  /** `highMb` is not the engine's to set; harvested memory is accounting alone here (H5). */
  async setMemory({ limitMb }: MemoryLimits): Promise<void> {
    if (limitMb === undefined) return;
    const limitBytes = limitMb === "max" ? -1 : limitMb * BYTES_PER_MB;
    if (limitBytes > 0) this.#refuseBelowWorkingSet(limitBytes);
    // Both at once: the engine refuses a limit above the old sum of memory and swap.
    await this.#update({ Memory: limitBytes, MemorySwap: limitBytes });
  }

  read(): Sample {
    return readSample(this.#files, this.#clock.monotonicMs());
  }

  limits(): Limits {
    return limitsOfProcess(this.#pid);
  }

  processes(): number[] {
    return readProcesses(this.#files);
  }

  async kill(): Promise<void> {
    await unlessGone(() => this.#container.kill({ signal: "SIGKILL" }));
  }

  async remove(): Promise<void> {
    await unlessGone(() => this.#container.remove({ force: true, v: true }));
  }

  #refuseBelowWorkingSet(limitBytes: number): void {
    const nowMb = this.limits().memoryMb;
    if (nowMb !== undefined && limitBytes >= nowMb * BYTES_PER_MB) return;
    const { workingSetBytes } = this.read();
    if (limitBytes < workingSetBytes + SHRINK_MARGIN_BYTES)
      throw new HarvestError("OWH_BAD_ALLOCATION", `A limit of ${limitBytes} bytes is too close to the ${workingSetBytes} bytes in use.`);
  }

  async #update(limits: object): Promise<void> {
    try {
      await this.#container.update(limits);
    } catch (error) {
      throw new HarvestError("OWH_BAD_ALLOCATION", `The engine refuses limits for ${this.name}: ${messageOf(error)}`, { cause: error });
    }
  }
}

/**
 * 404: there is no such container any more; 409: it does not run, or is being removed already; 304: it is as it should
 * be.
 */
export async function unlessGone(act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (![304, 404, 409].includes(Number((error as { statusCode?: number }).statusCode))) throw error;
  }
}
