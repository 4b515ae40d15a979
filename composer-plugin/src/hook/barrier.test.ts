/** The rules barrier.J1 to barrier.J6, one by one, on a real Redis. */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { withoutRedisServer } from "@openwhisk-harvest/testkit/redis";
import type { Redis } from "ioredis";
import { RedisServer } from "../redis.kit.js";
import { Barriers, StageLost, type StageView } from "./barrier.js";
import { processHost } from "./config.js";
import { type Patience, RedisLink } from "./redis-link.js";

const options = { skip: withoutRedisServer() };
const redis = new RedisServer();
const ID = "00000000-0000-4000-8000-000000000000";
const inMs = (ms: number) => Date.now() + ms;
const entry = (position: number, params: unknown = { position }) => JSON.stringify({ position, params });
const joined = (entries: string[] | undefined) =>
  entries?.map((one) => JSON.parse(one) as { position: number }).sort((x, y) => x.position - y.position);

let link: RedisLink;
let barriers: Barriers;
before(async () => {
  if (!options.skip) await redis.start();
});
beforeEach(async () => {
  if (options.skip) return;
  await redis.ask((client) => client.flushall());
  link = new RedisLink(redis.url, processHost);
  barriers = new Barriers(link, processHost);
});
afterEach(async () => {
  await link?.close();
});
after(() => redis.stop());

/** Does every operation twice: the answer of the first is lost, and the connection with it. */
class ForgetfulLink extends RedisLink {
  override async run<T>(operation: (client: Redis) => Promise<T>, patience: Patience): Promise<T> {
    await super.run(operation, patience);
    await this.close();
    return super.run(operation, patience);
  }
}

test("Verifies that a stage whose every answer is lost once ends right (barrier.J1, barrier.J2)", options, async () => {
  const forgetful = new ForgetfulLink(redis.url, processHost);
  const twice = new Barriers(forgetful, processHost);
  await twice.open(ID, inMs(2_000));
  assert.equal(await twice.push(ID, { position: 1, count: 2 }, entry(1), inMs(2_000)), 2);
  assert.equal(await twice.collect(ID, inMs(50)), undefined, "one branch of two");
  assert.equal(await twice.push(ID, { position: 0, count: 2 }, entry(0), inMs(2_000)), 3);
  await twice.notify(ID);
  assert.deepEqual(joined(await twice.collect(ID, inMs(2_000))), [
    { position: 0, params: { position: 0 } },
    { position: 1, params: { position: 1 } },
  ]);
  await twice.clean(ID);
  await forgetful.close();
  assert.deepEqual(await redis.ask((client) => client.keys("*")), []);
});

test("Verifies that a branch that ends twice counts once (barrier.J2)", options, async () => {
  await barriers.open(ID, inMs(2_000));
  for (const _ of [1, 2, 3]) assert.equal(await barriers.push(ID, { position: 0, count: 2 }, entry(0), inMs(2_000)), 2);
  assert.equal(await barriers.collect(ID, inMs(50)), undefined);
});

test("Verifies that writes that come late, over a connection given up, change nothing that is read (barrier.J1)", options, async () => {
  await barriers.open(ID, inMs(2_000));
  await barriers.push(ID, { position: 0, count: 1 }, entry(0), inMs(2_000));
  await barriers.open(ID, inMs(2_000));
  await barriers.push(ID, { position: 0, count: 1 }, entry(0), inMs(2_000));
  assert.deepEqual(joined(await barriers.collect(ID, inMs(2_000))), [{ position: 0, params: { position: 0 } }]);
});

test("Verifies that a full stage is found without its notification, at once or within a slice (barrier.J3)", options, async () => {
  await barriers.open(ID, inMs(2_000));
  const waiting = barriers.collect(ID, inMs(10_000));
  const branch = new RedisLink(redis.url, processHost);
  await new Barriers(branch, processHost).push(ID, { position: 0, count: 1 }, entry(0), inMs(2_000));
  await branch.close();
  const startedMs = Date.now();
  assert.equal((await waiting)?.length, 1);
  assert.ok(Date.now() - startedMs < 4_000, "a slice is two seconds");
});

test("Verifies that the notification ends the wait at once", options, async () => {
  await barriers.open(ID, inMs(2_000));
  const waiting = barriers.collect(ID, inMs(10_000));
  const branchLink = new RedisLink(redis.url, processHost);
  const branch = new Barriers(branchLink, processHost);
  await branch.push(ID, { position: 0, count: 1 }, entry(0), inMs(2_000));
  const startedMs = Date.now();
  await branch.notify(ID);
  assert.equal((await waiting)?.length, 1);
  assert.ok(Date.now() - startedMs < 1_000);
  await branchLink.close();
});

test("Verifies that a branch of a stage that is gone leaves nothing behind, and that a parent says so (barrier.J4)", options, async () => {
  assert.equal(await barriers.push(ID, { position: 0, count: 1 }, entry(0), inMs(2_000)), 0);
  assert.deepEqual(await redis.ask((client) => client.keys("*")), []);
  await assert.rejects(barriers.collect(ID, inMs(2_000)), StageLost);
});

test("Verifies that the parent sees which branches have begun and ended, and whether any stage lacks room", options, async () => {
  await barriers.open(ID, inMs(2_000));
  await barriers.begin(ID, 0);
  await barriers.begin(ID, 0);
  await barriers.begin(ID, 2);
  await barriers.push(ID, { position: 1, count: 3 }, entry(1), inMs(2_000));
  await barriers.push(ID, { position: 2, count: 3 }, entry(2), inMs(2_000));
  const seen = async () => {
    const views: StageView[] = [];
    const stop = async (view: StageView) => {
      views.push(view);
      return 0;
    };
    assert.equal(await barriers.collect(ID, inMs(10_000), stop), undefined);
    return views;
  };
  assert.deepEqual(await seen(), [{ ended: new Set([1, 2]), begun: 3, isCrowded: false }]);
  await barriers.noteCrowd();
  assert.deepEqual(await seen(), [{ ended: new Set([1, 2]), begun: 3, isCrowded: true }]);
});

test("Verifies that a branch that begins when its stage is gone leaves nothing behind (barrier.J4)", options, async () => {
  await barriers.begin(ID, 0);
  assert.deepEqual(await redis.ask((client) => client.keys("*")), []);
});

test("Verifies that no wait outlives its deadline, with Redis there, away, or standing still (barrier.J5)", options, async () => {
  const own = await new RedisServer().start();
  const ownLink = new RedisLink(own.url, processHost);
  const ownBarriers = new Barriers(ownLink, processHost);
  await ownBarriers.open(ID, inMs(2_000));
  const waited = async () => {
    const startedMs = Date.now();
    assert.equal(await ownBarriers.collect(ID, inMs(300)), undefined);
    return Date.now() - startedMs;
  };
  const [there, still, away] = [await waited(), await own.whileStopped(waited), await own.kill().then(waited)];
  // a wait may end up to one answer (2 s) and one connection (2 s) after its deadline; composer keeps 5 s for that
  assert.ok(there >= 290 && there < 1_500, `${there} ms with Redis there`);
  assert.ok(still < 4_500, `${still} ms with Redis standing still`);
  assert.ok(away < 1_500, `${away} ms with Redis away`);
  await ownLink.close();
  await own.stop();
});

test("Verifies that everything written has a time to live (barrier.J6)", options, async () => {
  await barriers.open(ID, inMs(2_000));
  await barriers.push(ID, { position: 0, count: 2 }, entry(0), inMs(2_000));
  await barriers.notify(ID);
  await barriers.noteCrowd();
  const keys = await redis.ask((client) => client.keys("*"));
  assert.equal(keys.length, 4);
  for (const key of keys) assert.ok((await redis.ask((client) => client.ttl(key))) > 0, key);
});
