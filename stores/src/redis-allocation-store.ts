/**
 * AllocationStore on Redis (DESIGN, section 6).
 *
 * S1. A call never outlives its `timeoutMs`: it answers, or it rejects with OWH_STORE_UNAVAILABLE.
 * S2. While Redis is away nothing queues up: calls reject at once, and none is sent again later.
 * S3. The connection comes back by itself. A connection that went silent is dropped, so that its unanswered calls cannot pile up.
 * S4. All fields of a publication appear together with their time to live, or none does (MULTI).
 */
import {
  type AllocationLookup,
  type AllocationStore,
  allocationFields,
  HarvestError,
  type ModeSettings,
  messageOf,
  type Observation,
  type PublishedAllocation,
  REDIS_KEYS,
  type RunEvent,
  type RunKey,
} from "@openwhisk-harvest/core";
import { Redis } from "ioredis";
import { type StoreLogger, silentLogger } from "./logger.js";
import { firstAllocation, readModes, readObservation } from "./redis-values.js";

export interface RedisAllocationStoreOptions {
  /** `redis://[user:password@]host[:port]`; `rediss://` for TLS. */
  readonly url: string;
  /** Longest wait of every call, ms. */
  readonly timeoutMs: number;
  /** How long allocations and observations stay, ms. */
  readonly ttlMs: number;
  /**
   * How long `connect` waits for the first connection, ms. It then resolves all the same: Redis may come later.
   * @defaultValue 1000
   */
  readonly connectWaitMs?: number;
  readonly logger?: StoreLogger;
}

/** Roughly how many events the stream keeps: at 1,000 activations a second, the last five seconds. */
const EVENTS_KEPT = 10_000;
/** A connection that leaves a call unanswered for so long is taken for dead (S3). */
const SILENCE_MS = 1_000;
/** Longest pause between two attempts to reconnect: a Redis that is back is used again within it. */
const MAX_RECONNECT_PAUSE_MS = 250;

export class RedisAllocationStore implements AllocationStore {
  readonly #redis: Redis;
  readonly #timeoutMs: number;
  readonly #ttlMs: number;

  private constructor(redis: Redis, timeoutMs: number, ttlMs: number) {
    this.#redis = redis;
    this.#timeoutMs = timeoutMs;
    this.#ttlMs = Math.max(1, Math.round(ttlMs));
  }

  /** Resolves once Redis answers, or after `connectWaitMs` without it: parts of the system start without Redis, too. */
  static async connect(options: RedisAllocationStoreOptions): Promise<RedisAllocationStore> {
    const { url, timeoutMs, ttlMs, connectWaitMs = 1_000, logger = silentLogger } = options;
    const redis = new Redis(url, {
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      connectTimeout: SILENCE_MS,
      socketTimeout: Math.max(SILENCE_MS, timeoutMs),
      retryStrategy: (attempt) => Math.min(10 * 2 ** Math.min(attempt, 10), MAX_RECONNECT_PAUSE_MS),
    });
    reportOutages(redis, logger);
    await readyWithin(redis, connectWaitMs);
    return new RedisAllocationStore(redis, timeoutMs, ttlMs);
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

  async putObservation(observation: Observation): Promise<void> {
    const key = REDIS_KEYS.observation(observation.activationId);
    await this.#ask("store an observation", () => this.#redis.set(key, JSON.stringify(observation), "PX", this.#ttlMs));
  }

  async observation(activationId: string): Promise<Observation | undefined> {
    return this.#ask("read an observation", async () =>
      readObservation(await this.#redis.get(REDIS_KEYS.observation(activationId)), activationId),
    );
  }

  /** The stream's entries have one field, `event`, with the event as JSON and its format `v`. */
  async appendEvent(event: RunEvent): Promise<void> {
    const json = JSON.stringify({ v: 1, ...event });
    await this.#ask("append an event", () => this.#redis.xadd(REDIS_KEYS.events, "MAXLEN", "~", EVENTS_KEPT, "*", "event", json));
  }

  async close(): Promise<void> {
    this.#redis.disconnect();
  }

  async #ask<T>(what: string, work: () => Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const giveUp = () => reject(new Error(`no answer within ${this.#timeoutMs} ms`));
      // After a stall of the event loop the answer may lie unread in the socket: it is read before setImmediate's turn.
      timer = setTimeout(() => setImmediate(giveUp), this.#timeoutMs);
    });
    try {
      if (this.#redis.status !== "ready") throw new Error("not connected");
      return await Promise.race([work(), late]);
    } catch (error) {
      // Without a cause: ioredis hangs the arguments of the command on its errors, and those are never to be logged.
      throw new HarvestError("OWH_STORE_UNAVAILABLE", `Redis could not ${what}: ${messageOf(error)}.`);
    } finally {
      clearTimeout(timer);
    }
  }
}

type Reply = [error: Error | null, result: unknown];

/** An error that Redis answered (a key of another type) means that there is nothing to read; any other means that Redis is away. */
function orAbsent<T>(reply: Reply | undefined, absent: T): T {
  const [error, result] = reply ?? [null, absent];
  if (!error) return result as T;
  if (error.name === "ReplyError" && error.message.startsWith("WRONGTYPE")) return absent;
  throw error;
}

function throwFirstError(replies: Reply[] | null): void {
  for (const [error] of replies ?? []) if (error) throw error;
}

/** One line when Redis goes away and one when it is back, not one per attempt. */
function reportOutages(redis: Redis, logger: StoreLogger): void {
  let away = false;
  redis.on("error", (error: Error) => {
    if (!away) logger.warn({ reason: messageOf(error) }, "Redis does not answer; user allocations are used until it is back");
    away = true;
  });
  redis.on("ready", () => {
    if (away) logger.info({}, "Redis is back");
    away = false;
  });
}

async function readyWithin(redis: Redis, waitMs: number): Promise<void> {
  if (redis.status === "ready") return;
  await new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer);
      redis.off("ready", done);
      resolve();
    };
    const timer = setTimeout(done, waitMs);
    redis.on("ready", done);
  });
}
