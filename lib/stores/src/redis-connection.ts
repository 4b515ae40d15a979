/** How every connection of RedisAllocationStore behaves; rules allocation-store.S1 to allocation-store.S4. */
import { messageOf } from "@openwhisk-harvest/core";
import type { Redis } from "ioredis";
import type { StoreLogger } from "./logger.js";
import { redisClient } from "./redis-client.js";

/** A connection that leaves a call unanswered for so long is taken for dead (allocation-store.S3). */
const SILENCE_MS = 1_000;
/** Longest pause between two attempts to reconnect: a Redis that is back is used again within it. */
const MAX_RECONNECT_PAUSE_MS = 250;

/** `waitMs`: how long an answer may take because a call asks Redis to wait for something. */
export function openConnection(url: string, waitMs: number, logger: StoreLogger): Redis {
  const redis = redisClient(url, {
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: SILENCE_MS,
    socketTimeout: waitMs + SILENCE_MS,
    retryStrategy: (attempt) => Math.min(10 * 2 ** Math.min(attempt, 10), MAX_RECONNECT_PAUSE_MS),
  });
  reportOutages(redis, logger);
  return redis;
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

export async function readyWithin(redis: Redis, waitMs: number): Promise<void> {
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

/**
 * The answer of Redis, or an error after `ms` (allocation-store.S1), at once while there is no connection
 * (allocation-store.S2).
 */
export async function answerWithin<T>(redis: Redis, ms: number, work: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const giveUp = () => reject(new Error(`no answer within ${ms} ms`));
    // After a stall of the event loop the answer may lie unread in the socket: it is read before setImmediate's turn.
    timer = setTimeout(() => setImmediate(giveUp), ms);
  });
  try {
    if (redis.status !== "ready") throw new Error("not connected");
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}
