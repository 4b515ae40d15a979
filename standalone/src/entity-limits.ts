/** What actions may ask for and entities may hold (openwhisk-protocol, 6). OpenWhisk's defaults, but for memory. */
import { type Config, HarvestError } from "@openwhisk-harvest/core";
import type { ActionLimits } from "./messages.js";

/** Inclusive; `std` is what an action gets that does not say. */
export interface LimitRange {
  readonly min: number;
  readonly std: number;
  readonly max: number;
}

export interface EntityLimits {
  /** `timeout` in ms, `memory` and `logs` in MB. */
  readonly action: Readonly<Record<keyof ActionLimits, LimitRange>>;
  /** Source text or base64 of an archive (Exec.sizeLimit). */
  readonly codeMaxBytes: number;
  /** Parameters of an entity, and its annotations, as JSON. */
  readonly parametersMaxBytes: number;
  /** Triggers a namespace may fire in a minute. */
  readonly firesPerMinute: number;
}

/** OWH_BAD_CONFIG when a range is none. */
export function entityLimits(config: Config["standalone"]): EntityLimits {
  const { timeoutMs, memoryMb, logsMb, concurrency, codeMaxBytes, parametersMaxBytes = config.payloadMaxBytes } = config.limits;
  for (const [name, { min, std, max }] of Object.entries({ timeoutMs, memoryMb, logsMb, concurrency }))
    if (!(min <= std && std <= max))
      throw new HarvestError("OWH_BAD_CONFIG", `standalone.limits.${name}: ${min}, ${std} and ${max} are not in ascending order.`);
  return {
    action: { timeout: timeoutMs, memory: memoryMb, logs: logsMb, concurrency },
    codeMaxBytes,
    parametersMaxBytes,
    firesPerMinute: config.firesPerMinute ?? config.invocationsPerMinute,
  };
}

export function standardLimits({ action }: EntityLimits): ActionLimits {
  const { timeout, memory, logs, concurrency } = action;
  return { timeout: timeout.std, memory: memory.std, logs: logs.std, concurrency: concurrency.std };
}
