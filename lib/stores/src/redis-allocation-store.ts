/**
 * AllocationStore on Redis (architecture, 6).
 *
 * allocation-store.S1  A call never outlives its `timeoutMs`: it answers, or it rejects with OWH_STORE_UNAVAILABLE.
 * allocation-store.S2  While Redis is away nothing queues up: calls reject at once, and none is sent again later.
 * allocation-store.S3  The connection comes back by itself. A connection that went silent is dropped, so that its
 *     unanswered calls cannot pile up.
 * allocation-store.S4  All fields of a publication, and all of a plan with its entry in the stream, appear together
 *     with their time to live, or none does (MULTI).
 */
import { randomUUID } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import {
  type ActivationKeyStore,
  type AllocationLookup,
  type AllocationStore,
  allocationFields,
  decodeEvent,
  type EventBatch,
  type EventQuery,
  encodeEvent,
  HarvestError,
  type HarvestParam,
  type ModeSettings,
  messageOf,
  NEWEST_EVENT,
  type Observation,
  type PlanEntries,
  type PlanWatch,
  type PlanWatcher,
  type PublishedAllocation,
  REDIS_KEYS,
  type RunEvent,
  type RunKey,
} from "@openwhisk-harvest/core";
import type { Redis } from "ioredis";
import { type StoreLogger, silentLogger } from "./logger.js";
import { BLOCK_MS, readPlans, watchPlanStream } from "./plan-watch.js";
import { answerWithin, openConnection, readyWithin } from "./redis-connection.js";
import { StreamReader } from "./redis-stream.js";
import { firstAllocation, readActivationKey, readModes, readObservation } from "./redis-values.js";

export interface RedisAllocationStoreOptions {
  /** `redis://[user:password@]host[:port]`; `rediss://` for TLS; `unix:/path` for a socket (core's redis-url.ts). */
  readonly url: string;
  /** Longest wait of every call, ms. */
  readonly timeoutMs: number;
  /** How long allocations and observations stay, and a stream that nothing is added to, ms. */
  readonly ttlMs: number;
  /**
   * How long `connect` waits for the first connection, ms. It then resolves all the same: Redis may come later.
   * @defaultValue 1000
   */
  readonly connectWaitMs?: number;
  readonly logger?: StoreLogger;
}

/** Roughly how many events and plans the streams keep: at 1,000 activations a second, the last five seconds. */
const ENTRIES_KEPT = 10_000;

/** Far more than a change takes, and less than an operator waits. */
const MODE_LOCK_MS = 1_000;
const MODE_LOCK_RETRY_MS = 5;

export class RedisAllocationStore implements AllocationStore, ActivationKeyStore {
  readonly #redis: Redis;
  readonly #options: RedisAllocationStoreOptions;
  readonly #ttlMs: number;
  readonly #watches = new Set<PlanWatch>();
  readonly #events: StreamReader;

  private constructor(redis: Redis, options: RedisAllocationStoreOptions) {
    this.#redis = redis;
    this.#options = options;
    this.#ttlMs = Math.max(1, Math.round(options.ttlMs));
    this.#events = this.#readerOf(REDIS_KEYS.events);
  }

  /** Resolves once Redis answers, or after `connectWaitMs` without it: parts of the system start without Redis, too. */
  static async connect(options: RedisAllocationStoreOptions): Promise<RedisAllocationStore> {
    const { url, timeoutMs, connectWaitMs = 1_000, logger = silentLogger } = options;
    const redis = openConnection(url, timeoutMs, logger);
    await readyWithin(redis, connectWaitMs);
    return new RedisAllocationStore(redis, options);
  }

  async publish(root: string, fields: Readonly<Record<string, PublishedAllocation>>): Promise<void> {
    const values = Object.entries(fields).flatMap(([field, allocation]) => [field, JSON.stringify(allocation)]);
    if (values.length === 0) return;
    const key = REDIS_KEYS.allocation(root);
    await this.#ask("publish an allocation", async () => {
      const replies = await this.#redis
        .multi()
        .hset(key, ...values)
        .pexpire(key, this.#ttlMs)
        .exec();
      throwFirstError(replies);
    });
  }

  async lookup(key: Pick<RunKey, "root" | "trail" | "astPath">): Promise<AllocationLookup> {
    return this.#ask("look an allocation up", async () => {
      const replies = await this.#redis
        .pipeline()
        .hmget(REDIS_KEYS.allocation(key.root), ...allocationFields(key))
        .get(REDIS_KEYS.mode)
        .exec();
      const [values, modes] = replies ?? [];
      const allocation = firstAllocation(orAbsent<(string | null)[]>(values, []));
      return { ...(allocation && { allocation }), modes: readModes(orAbsent<string | null>(modes, null)) };
    });
  }

  async modes(): Promise<ModeSettings> {
    return this.#ask("read the modes", async () => readModes(await this.#redis.get(REDIS_KEYS.mode)));
  }

  async setModes(settings: ModeSettings): Promise<void> {
    await this.#ask("set the modes", () => this.#redis.set(REDIS_KEYS.mode, JSON.stringify(settings)));
  }

  /** The lock ends by itself: a process that died with it holds the others up for a moment only. */
  async changeModes(change: (settings: ModeSettings) => ModeSettings): Promise<ModeSettings> {
    return this.#ask("change the modes", async () => {
      const token = randomUUID();
      const deadlineMs = performance.now() + this.#options.timeoutMs;
      while ((await this.#redis.set(REDIS_KEYS.modeLock, token, "PX", MODE_LOCK_MS, "NX")) === null) {
        if (performance.now() > deadlineMs) throw new Error("another process is changing them");
        await setTimeout(MODE_LOCK_RETRY_MS);
      }
      try {
        const after = change(readModes(await this.#redis.get(REDIS_KEYS.mode)));
        await this.#redis.set(REDIS_KEYS.mode, JSON.stringify(after));
        return after;
      } finally {
        if ((await this.#redis.get(REDIS_KEYS.modeLock)) === token) await this.#redis.del(REDIS_KEYS.modeLock);
      }
    });
  }

  async putObservation(observation: Observation): Promise<void> {
    const key = REDIS_KEYS.observation(observation.activationId);
    await this.#ask("store an observation", () => this.#redis.set(key, JSON.stringify(observation), "PX", this.#ttlMs));
  }

  async activationKey(activationId: string): Promise<HarvestParam | undefined> {
    return this.#ask("read an activation's key", async () => readActivationKey(await this.#redis.get(REDIS_KEYS.activation(activationId))));
  }

  async observation(activationId: string): Promise<Observation | undefined> {
    return this.#ask("read an observation", async () =>
      readObservation(await this.#redis.get(REDIS_KEYS.observation(activationId)), activationId),
    );
  }

  /** The stream's entries have one field, `event`, see core's events.ts. */
  async appendEvent(event: RunEvent): Promise<void> {
    const json = encodeEvent(event);
    await this.#ask("append an event", async () => {
      const { events } = REDIS_KEYS;
      const replies = await this.#redis
        .pipeline()
        .xadd(events, "MAXLEN", "~", ENTRIES_KEPT, "*", "event", json)
        .pexpire(events, this.#ttlMs)
        .exec();
      throwFirstError(replies);
    });
  }

  async readEvents({ after, blockMs, limit }: EventQuery): Promise<EventBatch> {
    return answered("read events", async () => {
      if (after === NEWEST_EVENT) return { events: [], unreadable: 0, lastId: await this.#events.newestId() };
      const { values, lastId } = await this.#events.read(after, blockMs, limit);
      const events = values.map(decodeEvent).filter((event) => event !== undefined);
      return { events, unreadable: values.length - events.length, lastId };
    });
  }

  /** The stream's entries have one field, `plans`: `{v, root, entries}`. */
  async publishPlan(root: string, entries: PlanEntries): Promise<void> {
    const values = Object.entries(entries).flatMap(([k, allocation]) => [k, JSON.stringify(allocation)]);
    if (values.length === 0) return;
    const key = REDIS_KEYS.plan(root);
    const json = JSON.stringify({ v: 1, root, entries });
    await this.#ask("publish a plan", async () => {
      const replies = await this.#redis
        .multi()
        .hset(key, ...values)
        .pexpire(key, this.#ttlMs)
        .xadd(REDIS_KEYS.plans, "MAXLEN", "~", ENTRIES_KEPT, "*", "plans", json)
        .pexpire(REDIS_KEYS.plans, this.#ttlMs)
        .exec();
      throwFirstError(replies);
    });
  }

  async plans(root: string): Promise<PlanEntries> {
    return this.#ask("read plans", async () => readPlans(await this.#redis.hgetall(REDIS_KEYS.plan(root))));
  }

  watchPlans(watcher: PlanWatcher): PlanWatch {
    const watch = watchPlanStream(this.#readerOf(REDIS_KEYS.plans), watcher);
    this.#watches.add(watch);
    return {
      stop: async () => {
        this.#watches.delete(watch);
        await watch.stop();
      },
    };
  }

  async confirmWrites(): Promise<void> {
    await this.#ask("take a write", () => this.#redis.set(REDIS_KEYS.probe, "1", "PX", this.#ttlMs));
  }

  async close(): Promise<void> {
    this.#events.close();
    this.#redis.disconnect();
    await Promise.all([...this.#watches].map((watch) => watch.stop()));
  }

  async #ask<T>(what: string, work: () => Promise<T>): Promise<T> {
    return answered(what, () => answerWithin(this.#redis, this.#options.timeoutMs, work));
  }

  #readerOf(key: string): StreamReader {
    const { url, timeoutMs, logger = silentLogger } = this.#options;
    return new StreamReader({ url, key, timeoutMs, maxBlockMs: BLOCK_MS, logger });
  }
}

async function answered<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof HarvestError) throw error;
    // Without a cause: ioredis hangs the arguments of the command on its errors, and those are never to be logged.
    throw new HarvestError("OWH_STORE_UNAVAILABLE", `Redis could not ${what}: ${messageOf(reasonOf(error))}.`);
  }
}

/** Of a transaction that Redis discarded, what it said to the command that was the reason. */
function reasonOf(error: unknown): unknown {
  return (error as { previousErrors?: readonly unknown[] }).previousErrors?.[0] ?? error;
}

type Reply = [error: Error | null, result: unknown];

/**
 * An error that Redis answered (a key of another type) means that there is nothing to read; any other means that Redis
 * is away.
 */
function orAbsent<T>(reply: Reply | undefined, absent: T): T {
  const [error, result] = reply ?? [null, absent];
  if (!error) return result as T;
  if (error.name === "ReplyError" && error.message.startsWith("WRONGTYPE")) return absent;
  throw error;
}

function throwFirstError(replies: Reply[] | null): void {
  for (const [error] of replies ?? []) if (error) throw error;
}
