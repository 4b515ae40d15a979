/** Values that agents find by the ids of activations and compositions (architecture, 6); written by the bus adapter. */
import { messageOf } from "@openwhisk-harvest/core";
import { type StoreLogger, silentLogger } from "./logger.js";
import { answerWithin, openConnection, readyWithin } from "./redis-connection.js";

export interface RunKeyWriter {
  /**
   * Writes all of them; one that Redis does not take in time is left out, for no run may wait for it (H3). Says whether
   * all were taken.
   */
  put(entries: readonly { readonly key: string; readonly value: object }[]): Promise<boolean>;
  close(): Promise<void>;
}

export interface RunKeyWriterOptions {
  readonly url: string;
  readonly timeoutMs: number;
  readonly ttlMs: number;
  readonly logger?: StoreLogger;
}

export async function openRunKeyWriter({ url, timeoutMs, ttlMs, logger = silentLogger }: RunKeyWriterOptions): Promise<RunKeyWriter> {
  const redis = openConnection(url, timeoutMs, logger);
  await readyWithin(redis, 1_000);
  return {
    async put(entries) {
      if (entries.length === 0) return true;
      try {
        await answerWithin(redis, timeoutMs, async () => {
          const pipeline = redis.pipeline();
          for (const { key, value } of entries) pipeline.set(key, JSON.stringify(value), "PX", Math.max(1, Math.round(ttlMs)));
          const replies = await pipeline.exec();
          for (const [error] of replies ?? []) if (error) throw error;
        });
        return true;
      } catch (error) {
        logger.warn({ reason: messageOf(error) }, "keys of runs were not written");
        return false;
      }
    },
    close: async () => redis.disconnect(),
  };
}
