/** The rules of shared-notifications.ts, on a real Redis. */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { eventually } from "@openwhisk-harvest/testkit";
import { withoutRedisServer } from "@openwhisk-harvest/testkit/redis";
import { processHost } from "../hook/config.js";
import { RedisLink } from "../hook/redis-link.js";
import { RedisServer } from "../redis.kit.js";
import { SharedNotifications } from "./shared-notifications.js";

const LONG_MS = 60_000;

describe("notifications over one connection", { skip: withoutRedisServer() }, () => {
  const redis = new RedisServer();
  let pops: RedisLink;
  let commands: RedisLink;
  let notifications: SharedNotifications;
  before(() => redis.start());
  after(() => redis.stop());
  beforeEach(async () => {
    await redis.ask((client) => client.flushall());
    pops = new RedisLink(redis.url, processHost);
    commands = new RedisLink(redis.url, processHost);
    notifications = new SharedNotifications({ pops, commands }, processHost);
  });
  afterEach(async () => {
    await pops.close();
    await commands.close();
  });

  const key = (n: number) => `composer/join/${n}`;
  const notify = (n: number) => redis.ask((client) => client.rpush(key(n), "1"));
  const blocked = () => redis.ask(async (client) => Number(/blocked_clients:(\d+)/.exec(await client.info("clients"))?.[1]));

  it("reach each of a hundred waits, and none but its own, over one blocked connection (shared-notifications.N1, shared-notifications.N2)", async () => {
    const ended = new Set<number>();
    const listeners = Array.from({ length: 100 }, (_, n) => notifications.listen(key(n)));
    const waits = listeners.map(async (listener, n) => {
      await listener.wait(LONG_MS);
      listener.close();
      ended.add(n);
    });
    await eventually(async () => (await blocked()) === 1, "one pop blocks");
    await notify(99);
    await waits[99];
    assert.deepEqual([...ended], [99]);
    await Promise.all(Array.from({ length: 99 }, (_, n) => notify(n)));
    await Promise.all(waits);
    await eventually(async () => (await blocked()) === 0, "nothing listens, nothing pops");
  });

  it("reach a wait that came while another's pop was blocked (shared-notifications.N2)", async () => {
    const early = notifications.listen(key(1));
    await eventually(async () => (await blocked()) === 1, "a pop without the second list blocks");
    const late = notifications.listen(key(2));
    await notify(2);
    await late.wait(LONG_MS);
    late.close();
    early.close();
  });

  it("that come between two slices end the next one (shared-notifications.N3)", async () => {
    const listener = notifications.listen(key(1));
    await notify(1);
    await eventually(async () => (await redis.ask((client) => client.llen(key(1)))) === 0, "it was popped");
    await listener.wait(LONG_MS);
    listener.close();
  });

  it("are heard again when Redis is back, and no wait ends with an error before (shared-notifications.N4)", async () => {
    const listener = notifications.listen(key(1));
    await redis.kill();
    await listener.wait(200);
    await redis.start();
    await notify(1);
    await listener.wait(LONG_MS);
    listener.close();
  });
});
