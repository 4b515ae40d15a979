/**
 * Reads one bounded stream, entry after entry, waiting for new ones.
 *
 * redis-stream.R1  The reader has a connection of its own, opened when it is first read: a call that waits holds up
 *     everything behind it.
 * redis-stream.R2  After a call that failed on a living connection the connection is made anew: no caller is there to
 *     read the late answer.
 * redis-stream.R3  From the newest entry on means from the id of the newest entry on, never `$`: what comes between two
 *     reads is not lost.
 */
import type { Redis } from "ioredis";
import type { StoreLogger } from "./logger.js";
import { answerWithin, openConnection, readyWithin } from "./redis-connection.js";

export interface StreamEntries {
  /** Values of the entries' single field. */
  readonly values: readonly string[];
  /** Where to go on. */
  readonly lastId: string;
}

export interface StreamReaderOptions {
  readonly url: string;
  readonly key: string;
  /** Longest wait for an answer that Redis has at once, ms. */
  readonly timeoutMs: number;
  /** Longest wait that a call may ask for, ms. */
  readonly maxBlockMs: number;
  readonly logger: StoreLogger;
}

export class StreamReader {
  readonly #options: StreamReaderOptions;
  #redis: Redis | undefined;

  constructor(options: StreamReaderOptions) {
    this.#options = options;
  }

  /** The id of the newest entry. */
  async newestId(): Promise<string> {
    const { key } = this.#options;
    const [newest] = await this.#ask(0, (redis) => redis.xrevrange(key, "+", "-", "COUNT", 1));
    return newest?.[0] ?? "0-0";
  }

  /** Entries after `after`, at most `limit`; none when none came within `blockMs`. */
  async read(after: string, blockMs: number, limit: number): Promise<StreamEntries> {
    const { key, maxBlockMs } = this.#options;
    // BLOCK 0 waits for ever, so the shortest wait is 1 ms.
    const waitMs = Math.max(1, Math.min(Math.round(blockMs), maxBlockMs));
    const answer = await this.#ask(waitMs, (redis) => redis.xread("COUNT", limit, "BLOCK", waitMs, "STREAMS", key, after));
    const entries = answer?.[0]?.[1] ?? [];
    return { values: entries.map(([, [, value]]) => value ?? ""), lastId: entries.at(-1)?.[0] ?? after };
  }

  close(): void {
    this.#redis?.disconnect();
    this.#redis = undefined;
  }

  async #ask<T>(waitMs: number, work: (redis: Redis) => Promise<T>): Promise<T> {
    const { url, maxBlockMs, timeoutMs, logger } = this.#options;
    this.#redis ??= openConnection(url, maxBlockMs, logger);
    const redis = this.#redis;
    await readyWithin(redis, timeoutMs);
    try {
      return await answerWithin(redis, waitMs + timeoutMs, () => work(redis));
    } catch (error) {
      if (redis.status === "ready") redis.disconnect(true); // redis-stream.R2
      throw error;
    }
  }
}
