/**
 * All parts wired on one machine: Redis, document stores, sidecar and embedded OpenWhisk. Started in the order in which they need
 * one another, and ended in the reverse order, also when a later one fails to start.
 */
import { availableParallelism } from "node:os";
import { type AllocationStore, type Config, type Grid, gridOf, HarvestError, systemClock } from "@openwhisk-harvest/core";
import { type KeyVerifier, openWhiskKeyVerifier, type Sidecar, startSidecar } from "@openwhisk-harvest/sidecar";
import { type Standalone, startStandalone } from "@openwhisk-harvest/standalone";
import {
  FolderLock,
  openStores,
  RedisAllocationStore,
  type RedisProcess,
  type Stores,
  signingKeyFor,
  startRedis,
} from "@openwhisk-harvest/stores";
import type { Logger } from "pino";
import { dataFolder } from "./folders.js";

export interface Stack {
  readonly config: Config;
  readonly grid: Grid;
  readonly allocations: AllocationStore;
  readonly stores: Stores;
  readonly standalone: Standalone;
  readonly sidecar: Sidecar;
  /** Absent when a Redis was given by URL. */
  readonly redis?: RedisProcess;
  /** One line per component, for people: what it is and where it listens. Holds no key. */
  readonly lines: readonly string[];
  close(): Promise<void>;
}

export interface StackOptions {
  readonly config: Config;
  readonly logger: Logger;
  readonly hostCores?: number;
  /** False takes the embedded Redis even where the host has a `redis-server`. */
  readonly preferSystemRedis?: boolean;
}

export async function startStack({
  config,
  logger,
  hostCores = availableParallelism(),
  preferSystemRedis = true,
}: StackOptions): Promise<Stack> {
  const grid = gridOf(config, hostCores);
  const closers: (() => Promise<void>)[] = [];
  const closeAll = async () => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    const lock = await FolderLock.take(dataFolder(config.dataDir)); // Redis locks its own folder, but may be elsewhere
    closers.push(async () => lock.release());
    const redis = await redisOf(config, logger, preferSystemRedis);
    closers.push(async () => redis.process?.close());
    const { timeoutMs, allocationTtlMs: ttlMs } = config.redis;
    const allocations = await RedisAllocationStore.connect({ url: redis.url, timeoutMs, ttlMs, logger });
    closers.push(() => allocations.close());
    const stores = openStores({ couchdbUrl: config.couchdb.url, dataDir: config.dataDir, logger });
    closers.push(() => stores.close());

    const signingKey = signingKeyFor(config);

    // The sidecar asks OpenWhisk about keys, and OpenWhisk's conductors ask the sidecar: one of them has to start first.
    const verifier = lateVerifier();
    const shared = { config, grid, allocations, signingKey, logger };
    const sidecar = await startSidecar({ ...shared, ...stores, verifyKeys: verifier, clock: systemClock });
    closers.push(() => sidecar.close());
    const conductorEnv = { HARVEST_SIDECAR_URL: sidecar.url, ...redisOfConductors(config, redis) };
    const standalone = await startStandalone({
      config,
      grid,
      hostCores,
      allocations,
      dataDir: config.dataDir,
      conductorEnv,
      signingKey,
      logger,
    });
    closers.push(() => standalone.close());
    verifier.use(openWhiskKeyVerifier({ apihost: standalone.apihost }));

    return {
      config,
      grid,
      allocations,
      stores,
      standalone,
      sidecar,
      ...(redis.process ? { redis: redis.process } : {}),
      lines: componentLines({ config, sidecar, standalone, redis }),
      close: closeAll,
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

interface RedisAddress {
  readonly url: string;
  readonly composerUrl: string;
  readonly process?: RedisProcess;
}

/** Where the server joins their stages they need none, and get none. */
function redisOfConductors({ standalone }: Config, { composerUrl }: RedisAddress): Record<string, string> {
  return standalone.applier === "embedded" ? {} : { HARVEST_COMPOSER_REDIS_URL: composerUrl };
}

async function redisOf(config: Config, logger: Logger, preferSystem: boolean): Promise<RedisAddress> {
  const { url, composerUrl } = config.redis;
  if (url === undefined) {
    const process = await startRedis({ dataDir: config.dataDir, preferSystem, logger });
    return { url: process.url, composerUrl: process.composerUrl, process };
  }
  if (composerUrl === undefined)
    throw new HarvestError("OWH_BAD_CONFIG", "redis.url needs redis.composerUrl beside it: conductors must not reach allocations.");
  return { url, composerUrl };
}

function lateVerifier(): KeyVerifier & { use(verifier: KeyVerifier): void } {
  let verifier: KeyVerifier | undefined;
  return {
    use: (late) => {
      verifier = late;
    },
    verify: async (basic) => {
      if (!verifier) throw new HarvestError("OWH_STORE_UNAVAILABLE", "OpenWhisk is still starting; keys cannot be checked yet.");
      return verifier.verify(basic);
    },
  };
}

/** Only root can give the processes of a container a user of their own; the Docker driver needs none. */
function actionsRunAsUs({ standalone }: Config): boolean {
  return standalone.driver === "process" && process.getuid?.() !== 0;
}

function componentLines(parts: { config: Config; sidecar: Sidecar; standalone: Standalone; redis: RedisAddress }): string[] {
  const { config, sidecar, standalone, redis } = parts;
  const readable = standalone.walled ? `but for ${config.dataDir}` : `${config.dataDir}/stack.json with its keys, too`;
  const redisLine = redis.process ? `${redis.process.kind} on 127.0.0.1:${redis.process.port}` : "by URL";
  return [
    `redis       ${redisLine}`,
    `documents   ${config.couchdb.url ? "CouchDB by URL" : `embedded, in ${config.dataDir}`}`,
    `sidecar     ${sidecar.url}`,
    `openwhisk   ${standalone.apihost}, namespace ${standalone.namespace}`,
    `enforcement ${standalone.enforcement} (${standalone.enforcementReason})`,
    ...(actionsRunAsUs(config) ? [`warning     actions run as you, and can read all that you can, ${readable}: start as root`] : []),
  ];
}
