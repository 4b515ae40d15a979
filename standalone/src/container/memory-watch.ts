/**
 * Ends a container over its memory limit where no kernel does (enforcement `affinity` and `none`): its working set is looked at
 * while a request is under way. A function may exceed its limit for one period before it is killed.
 */
import type { ContainerGroup } from "@openwhisk-harvest/cgroup";
import { CALLED_OFF, type Clock, type Enforcement, messageOf } from "@openwhisk-harvest/core";
import type { GuardedProcess } from "./launcher/launcher.js";
import type { Logger } from "./logger.js";

const PERIOD_MS = 50;
const BYTES_PER_MB = 1 << 20;

export interface MemoryWatch {
  /** Whether the container was killed. */
  stop(): boolean;
}

export interface WatchedContainer {
  readonly name: string;
  readonly group: ContainerGroup;
  readonly guarded: GuardedProcess;
  readonly enforcement: Enforcement;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function kernelLimitsMemory(enforcement: Enforcement): boolean {
  return enforcement === "cgroup-v1" || enforcement === "cgroup-v2";
}

export function watchMemory(container: WatchedContainer, limitMb: () => number): MemoryWatch {
  if (kernelLimitsMemory(container.enforcement)) return { stop: () => false };
  const stopped = new AbortController();
  let exceeded = false;
  const look = async () => {
    while (!stopped.signal.aborted && !exceeded) {
      exceeded = container.group.read().workingSetBytes > limitMb() * BYTES_PER_MB;
      if (exceeded) container.guarded.kill();
      else await container.clock.sleep(PERIOD_MS, stopped.signal).catch(() => undefined); // stopped
    }
  };
  look().catch((error) => {
    container.logger.warn({ container: container.name, error: messageOf(error) }, "A container's memory is no longer watched.");
  });
  return {
    stop() {
      stopped.abort(CALLED_OFF);
      return exceeded;
    },
  };
}
