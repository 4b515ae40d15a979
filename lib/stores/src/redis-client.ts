/** A client of a Redis by its URL, `unix:` included (core's redis-url.ts). OWH_BAD_CONFIG when that is none. */
import { unixRedisOf } from "@openwhisk-harvest/core";
import { Redis, type RedisOptions } from "ioredis";

export function redisClient(url: string, options: Omit<RedisOptions, "replyMapping"> = {}): Redis {
  const unix = unixRedisOf(url);
  return unix ? new Redis({ ...unix, ...options }) : new Redis(url, options);
}
