/** The port ActivationKeyStore: what the bus adapter wrote of an activation is read, and anything else is no key. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { REDIS_KEYS } from "@openwhisk-harvest/core";
import { startTestRedis, type TestRedis } from "@openwhisk-harvest/testkit/redis";
import { Redis } from "ioredis";
import { RedisAllocationStore } from "./redis-allocation-store.js";

const ID = "c".repeat(32);

describe("keys of activations", () => {
  let server: TestRedis;
  let store: RedisAllocationStore;
  let redis: Redis;

  before(async () => {
    server = await startTestRedis("embedded");
    store = await RedisAllocationStore.connect({ url: server.url, timeoutMs: 2_000, ttlMs: 60_000 });
    redis = new Redis(server.url);
  });
  after(async () => {
    redis.disconnect();
    await store.close();
    await server.close();
  });

  it("are read as they were written", async () => {
    assert.equal(await store.activationKey(ID), undefined);
    await redis.set(REDIS_KEYS.activation(ID), JSON.stringify({ v: 1, k: "a key", d: "d1" }));
    assert.deepEqual(await store.activationKey(ID), { k: "a key", d: "d1" });
    await redis.set(REDIS_KEYS.activation(ID), JSON.stringify({ v: 1, k: "a key" }));
    assert.deepEqual(await store.activationKey(ID), { k: "a key" });
  });

  it("are none when what stands there is anything else", async () => {
    for (const text of ["", "no json", "null", "[]", '{"v":2,"k":"a"}', '{"v":1}', '{"v":1,"k":7}']) {
      await redis.set(REDIS_KEYS.activation(ID), text);
      assert.equal(await store.activationKey(ID), undefined, text);
    }
  });
});
