import type { AllocationStore, Config } from "@openwhisk-harvest/core";
import { RedisAllocationStore } from "@openwhisk-harvest/stores";
import { readStackFile } from "./stack-file.js";

/** An operator at a keyboard can wait longer than a function that is about to start. */
const OPERATOR_TIMEOUT_MS = 2_000;

/** Runs `use` on the Redis of the configuration, or else of the running stack. */
export async function withAllocations<T>(config: Config, use: (allocations: AllocationStore) => Promise<T>): Promise<T> {
  const url = config.redis.url ?? readStackFile(config.dataDir).redis;
  const allocations = await RedisAllocationStore.connect({ url, timeoutMs: OPERATOR_TIMEOUT_MS, ttlMs: config.redis.allocationTtlMs });
  try {
    return await use(allocations);
  } finally {
    await allocations.close();
  }
}
