/**
 * The limits of one run on its container: the grant from /run until its answer, the user allocation before and after.
 *
 * L1. The kill limit is never below the user's memory (H5).
 * L2. A run with less CPU than the user allocation gets that back when half of its time limit has passed: a prediction that was
 *     wrong by so much may slow a run down, but must not end it (H5).
 * L3. If the grant cannot be applied, the user allocation is (H3); if that cannot be either, the run does not take place here.
 * L4. Conductors run unlimited, and only their memory is bounded.
 */
import { type Allocation, type Clock, messageOf } from "@openwhisk-harvest/core";
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

/** Rejects as ContainerGroup's setters do, when not even the user allocation can be applied. */
export async function applyGrant(container: Container, grant: Grant, logger: Logger): Promise<LimitsInForce> {
  try {
    return await apply(container, runMemoryMb(grant), grant.conductor ? undefined : grant.cpuCores);
  } catch (error) {
    logger.warn({ container: container.name, error: messageOf(error) }, "A grant cannot be applied; the user allocation is instead.");
    return await applyUser(container, grant);
  }
}

export async function applyUser(container: Container, { user, conductor }: Grant): Promise<LimitsInForce> {
  return await apply(container, user.memoryMb, conductor ? undefined : user.cpuCores);
}

async function apply(container: Container, memoryMb: number, cpuCores: number | undefined): Promise<LimitsInForce> {
  await container.setMemoryLimit(memoryMb);
  await container.setCpuCores(cpuCores);
  const inForce = container.group.limits().cpuCores; // affinity knows whole cores only
  return inForce === undefined ? { memoryMb } : { cpuCores: inForce, memoryMb };
}

export interface GiveBackOptions {
  readonly timeoutMs: number;
  /** All that the node has: nobody can be given back more (H6). */
  readonly capacity: Allocation;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** L2. Call the answer when the run has ended. */
export function giveBackAtHalfTime(container: Container, grant: Grant, options: GiveBackOptions): () => void {
  const { timeoutMs, capacity, clock, logger } = options;
  const cpuCores = Math.min(grant.user.cpuCores ?? 0, capacity.cpuCores);
  if (grant.conductor || grant.cpuCores >= cpuCores) return () => undefined;
  const ended = new AbortController();
  clock
    .sleep(timeoutMs / 2, ended.signal)
    .then(async () => {
      await container.setCpuCores(cpuCores);
      logger.info({ container: container.name, cpuCores, hadCpuCores: grant.cpuCores }, "A run got its user allocation back at half time.");
    })
    .catch((error) => {
      if (!ended.signal.aborted) logger.warn({ container: container.name, error: messageOf(error) }, "CPU could not be given back.");
    });
  return () => ended.abort();
}
