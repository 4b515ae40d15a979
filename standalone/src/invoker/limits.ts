/**
 * Writing the limits of one run on its container: the user allocation before and after, something else only from /run until its
 * answer. What that is, and when it moves, held-run.ts says.
 *
 * L1. The kill limit is never below the user's memory (H5).
 * L2. If what was granted cannot be applied, the user allocation is (H3); if that cannot be either, the run does not take place here.
 * L3. Conductors run unlimited, and only their memory is bounded.
 * L4. A container that cannot go back to the user allocation serves nobody any more.
 */
import { messageOf } from "@openwhisk-harvest/core";
import type { Container } from "../container/driver.js";
import type { Logger } from "../container/logger.js";
import type { Grant } from "../messages.js";

export interface LimitsInForce {
  /** Absent where nothing bounds the CPU. */
  readonly cpuCores?: number;
  readonly memoryMb: number;
}

/** L1: what the container is killed beyond, and what it is charged with, while it runs. */
export function runMemoryMb(grant: Grant): number {
  return Math.max(grant.user.memoryMb, grant.memoryMb);
}

/** L3. Rejects as ContainerGroup's setters do. */
export async function applyUser(container: Container, { user, conductor }: Grant): Promise<void> {
  await container.setMemoryHigh(undefined);
  await container.setMemoryLimit(user.memoryMb);
  await container.setCpuCores(conductor ? undefined : user.cpuCores);
}

export function limitsInForce(container: Container, memoryMb: number): LimitsInForce {
  const cpuCores = container.cpuCoresInForce; // affinity knows whole cores only
  return cpuCores === undefined ? { memoryMb } : { cpuCores, memoryMb };
}

/** L4: false when it cannot. */
export async function restoreUser(container: Container, grant: Grant, logger: Logger): Promise<boolean> {
  if (!container.alive) return false;
  try {
    await applyUser(container, grant);
    return true;
  } catch (error) {
    logger.info(
      { container: container.name, error: messageOf(error) },
      "A container cannot go back to its user allocation and is destroyed.",
    );
    return false;
  }
}
