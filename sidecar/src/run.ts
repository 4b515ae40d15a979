/** A sidecar beside a cluster, in the foreground. */
import { availableParallelism } from "node:os";
import { type Config, gridOf, HarvestError, stopSignal, systemClock } from "@openwhisk-harvest/core";
import { openStores, RedisAllocationStore, signingKeyFor } from "@openwhisk-harvest/stores";
import type { Logger } from "pino";
import { openWhiskKeyVerifier } from "./openwhisk-key-verifier.js";
import { startSidecar } from "./service.js";

export interface RunSidecar {
  readonly config: Config;
  /** OpenWhisk, which is asked about the keys of callers; `sidecar.apihost` and then `openwhisk.apihost` when absent. */
  readonly apihost?: string | undefined;
  readonly logger: Logger;
}

/** Prints its URL on standard output when it listens; ends at SIGINT or SIGTERM. OWH_BAD_CONFIG without Redis or OpenWhisk. */
export async function runSidecar({ config, apihost, logger }: RunSidecar): Promise<void> {
  const { url: redisUrl, timeoutMs, allocationTtlMs: ttlMs } = config.redis;
  const openwhisk = apihost ?? config.sidecar.apihost ?? config.openwhisk.apihost;
  if (redisUrl === undefined || openwhisk === undefined)
    throw new HarvestError("OWH_BAD_CONFIG", "A sidecar beside a cluster needs redis.url and sidecar.apihost.");
  const grid = gridOf(config, availableParallelism());
  const signingKey = signingKeyFor(config);
  const verifyKeys = openWhiskKeyVerifier({ apihost: openwhisk });
  const allocations = await RedisAllocationStore.connect({ url: redisUrl, timeoutMs, ttlMs, logger });
  const stores = openStores({ couchdbUrl: config.couchdb.url, dataDir: config.dataDir, logger });
  try {
    const sidecar = await startSidecar({ config, grid, allocations, ...stores, verifyKeys, signingKey, logger, clock: systemClock });
    process.stdout.write(`${sidecar.url}\n`);
    await stopSignal();
    await sidecar.close();
  } finally {
    await stores.close();
    await allocations.close();
  }
}
