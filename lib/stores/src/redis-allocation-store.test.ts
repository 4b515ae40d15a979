import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startTestRedis, withoutRedis, withoutRedisServer } from "@openwhisk-harvest/testkit/redis";
import { Redis } from "ioredis";
import { allocationStoreContract } from "./redis-allocation-store.contract.js";
import { RedisAllocationStore } from "./redis-allocation-store.js";

for (const kind of ["redis-server", "embedded"] as const) allocationStoreContract(kind, withoutRedis(kind), () => startTestRedis(kind));

describe("a Redis that takes no writes", { skip: withoutRedisServer() }, () => {
  const REFUSALS: { name: string; refuse: (redis: Redis) => Promise<unknown>; word: RegExp }[] = [
    {
      name: "out of memory",
      refuse: (redis) => redis.config("SET", "maxmemory", "1", "maxmemory-policy", "noeviction"),
      word: /Redis could not take a write: OOM command not allowed/,
    },
    { name: "a replica", refuse: (redis) => redis.replicaof("127.0.0.1", 1), word: /Redis could not take a write: READONLY/ },
  ];
  for (const { name, refuse, word } of REFUSALS)
    it(`${name}: answers what is asked, and says in its own word that it takes none`, async () => {
      const server = await startTestRedis("redis-server");
      const store = await RedisAllocationStore.connect({ url: server.url, timeoutMs: 10_000, ttlMs: 1_000 });
      const redis = new Redis(server.url);
      await store.confirmWrites();
      await refuse(redis);
      await store.modes();
      await assert.rejects(store.confirmWrites(), (error: { code?: string; message: string }) => {
        assert.equal(error.code, "OWH_STORE_UNAVAILABLE");
        assert.match(error.message, word);
        return true;
      });
      const plan = store.publishPlan("f".repeat(32), { a: { v: 1, cpuCores: 1, decision: "d-0", namespace: "guest", epoch: 1 } });
      await assert.rejects(plan, /OOM command not allowed|READONLY/);
      redis.disconnect();
      await store.close();
      await server.close();
    });
});
