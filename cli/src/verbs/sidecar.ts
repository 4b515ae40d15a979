import { availableParallelism } from "node:os";
import { gridOf, HarvestError, stopSignal, systemClock } from "@openwhisk-harvest/core";
import { openWhiskKeyVerifier, startSidecar } from "@openwhisk-harvest/sidecar";
import { openStores, RedisAllocationStore, signingKeyFor } from "@openwhisk-harvest/stores";
import type { Command } from "commander";
import { type ConfigFlags, configFrom, loggerFor, withConfigOptions } from "./options.js";

/** `harvest sidecar`: only the sidecar, beside a cluster, in the foreground until a signal. */
export function addSidecarVerb(program: Command): void {
  withConfigOptions(
    program
      .command("sidecar")
      .description("Start the sidecar alone, beside a cluster (needs redis.url and sidecar.apihost), until interrupted"),
  ).action(async (flags: ConfigFlags) => {
    const config = configFrom(flags);
    const { url: redisUrl, timeoutMs, allocationTtlMs: ttlMs } = config.redis;
    const { apihost } = config.sidecar;
    if (redisUrl === undefined || apihost === undefined)
      throw new HarvestError("OWH_BAD_CONFIG", "A sidecar beside a cluster needs redis.url and sidecar.apihost.");
    const logger = loggerFor(config.logLevel);
    const grid = gridOf(config, availableParallelism());
    const allocations = await RedisAllocationStore.connect({ url: redisUrl, timeoutMs, ttlMs, logger });
    const stores = openStores({ couchdbUrl: config.couchdb.url, dataDir: config.dataDir, logger });
    try {
      const verifyKeys = openWhiskKeyVerifier({ apihost });
      const signingKey = signingKeyFor(config);
      const sidecar = await startSidecar({ config, grid, allocations, ...stores, verifyKeys, signingKey, logger, clock: systemClock });
      process.stdout.write(`${sidecar.url}\n`);
      await stopSignal();
      await sidecar.close();
    } finally {
      await stores.close();
      await allocations.close();
    }
  });
}
