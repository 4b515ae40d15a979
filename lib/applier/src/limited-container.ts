/**
 * The port of the applier: a container whose limits may be changed while it runs, whatever created it.
 *
 * limited-container.C1  User limits are what the container was created with, or would be; never a number from Redis.
 * limited-container.C2  Nothing is written that is in force already: a run that keeps its user allocation costs no write (H4).
 * limited-container.C3  The kill limit is never below the user's (H5).
 * limited-container.C4  A restored container has its user limits, all of them, and may be restored any number of times. Where the memory in
 *                       use does not let its limit go back, the rest goes back, and the answer is false.
 */
import type { ContainerGroup } from "@openwhisk-harvest/cgroup";

export interface ContainerLimits {
  /** Absent: nothing bounds the CPU. */
  readonly cpuCores?: number;
  /** The container is killed when it uses more. */
  readonly memoryMb: number;
}

export interface LimitedContainer {
  /** One for each container of a node. */
  readonly id: string;
  readonly user: ContainerLimits;
  readonly group: Pick<ContainerGroup, "read">;
  /** As the kernel has it, which may be rounded; undefined where nothing bounds the CPU. */
  readonly cpuCoresInForce: number | undefined;
  /** Rejects as ContainerGroup's setters do; then the limit before is in force, or this one is. */
  setCpuCores(cpuCores: number): Promise<void>;
  /** Does nothing when the kill limit is as high already. Rejects as ContainerGroup's setters do. */
  raiseMemory(memoryMb: number): Promise<void>;
  /** `memory.high`, `undefined` for none. Does nothing where there is no such thing. */
  setMemoryHigh(memoryMb: number | undefined): Promise<void>;
  /** False when not all of it is back: not yet, where it is tried again, or never, and then the container serves no more runs. */
  restore(): Promise<boolean>;
}
