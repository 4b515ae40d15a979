/** What actions may ask for and entities may hold (openwhisk-protocol, section 6). OpenWhisk's defaults, but for memory. */
import type { Config } from "@openwhisk-harvest/core";
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

/** Code that OpenWhisk takes; more than that its own store would not hold. */
const CODE_MAX_BYTES = 48 * 1024 * 1024;

/** Memory goes up to the paper's encoding of 8 cores and 8 GB. */
const ACTION: EntityLimits["action"] = {
  timeout: { min: 100, std: 60_000, max: 300_000 },
  memory: { min: 128, std: 256, max: 65_536 },
  logs: { min: 0, std: 10, max: 10 },
  concurrency: { min: 1, std: 1, max: 1 },
};

export function entityLimits(config: Config["standalone"], over: Partial<EntityLimits> = {}): EntityLimits {
  return {
    action: ACTION,
    codeMaxBytes: CODE_MAX_BYTES,
    parametersMaxBytes: config.payloadMaxBytes,
    firesPerMinute: config.invocationsPerMinute,
    ...over,
  };
}

export function standardLimits({ action }: EntityLimits): ActionLimits {
  const { timeout, memory, logs, concurrency } = action;
  return { timeout: timeout.std, memory: memory.std, logs: logs.std, concurrency: concurrency.std };
}
