/**
 * A container of the pool as the applier sees it while it serves one run: its user's limits before and after, something else only from
 * /run until its answer. One that cannot go back to them serves no more runs.
 */
import type { ContainerLimits, LimitedContainer } from "@openwhisk-harvest/applier";
import { type Logger, messageOf } from "@openwhisk-harvest/core";
import type { Container } from "./driver.js";

/** `user` without CPU: nothing bounds it, as in a conductor's container. */
export function limited(container: Container, user: ContainerLimits, logger: Logger): LimitedContainer {
  return {
    id: container.name,
    user,
    group: container.group,
    get cpuCoresInForce() {
      return container.cpuCoresInForce;
    },
    setCpuCores: (cpuCores) => container.setCpuCores(cpuCores),
    // When its run begins it has the user's limit, or was created for this run.
    raiseMemory: (memoryMb) => container.setMemoryLimit(Math.max(memoryMb, user.memoryMb)),
    setMemoryHigh: (memoryMb) => container.setMemoryHigh(memoryMb),
    restore: () => restore(container, user, logger),
  };
}

async function restore(container: Container, user: ContainerLimits, logger: Logger): Promise<boolean> {
  if (!container.alive) return false;
  try {
    await container.setMemoryHigh(undefined);
    await container.setMemoryLimit(user.memoryMb);
    await container.setCpuCores(user.cpuCores);
    return true;
  } catch (error) {
    logger.info({ container: container.name, error: messageOf(error) }, "A container cannot go back to its user's limits.");
    return false;
  }
}
