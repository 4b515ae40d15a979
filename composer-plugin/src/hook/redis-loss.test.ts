/** Redis is killed, and comes back or does not: a stage ends right, or with a clear error, and never hangs (barrier.J1 to barrier.J6). */
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { eventually } from "@openwhisk-harvest/testkit";
import { withoutRedisServer } from "@openwhisk-harvest/testkit/redis";
import { c, hookedConductor } from "../conductors.kit.js";
import { signal, TestOpenWhisk } from "../openwhisk.kit.js";
import { RedisServer } from "../redis.kit.js";
import type { HookConfig } from "./config.js";

const options = { skip: withoutRedisServer() };
let redis: RedisServer;
let whisk: TestOpenWhisk;

beforeEach(async () => {
  if (options.skip) return;
  redis = await new RedisServer().start();
  whisk = await new TestOpenWhisk().start();
  for (const name of ["a", "b", "d"]) whisk.component(name, (params) => ({ ...params, [name]: 1 }));
});
afterEach(async () => {
  if (options.skip) return;
  await whisk.stop();
  await redis.stop();
});

/** A component that waits at a gate. */
function gated(name: string): { reached: Promise<void>; open: () => void } {
  const [gate, arrival] = [signal(), signal()];
  whisk.component(name, async () => {
    arrival.give();
    await gate.given;
    return { [name]: 1 };
  });
  return { reached: arrival.given, open: gate.give };
}

async function deploy(composition: Parameters<typeof hookedConductor>[0], config: Partial<HookConfig> = {}, timeoutMs = 60_000) {
  whisk.conductor("test", await hookedConductor(composition, { redisUrl: redis.url, ...config }), timeoutMs);
}

async function restart(): Promise<void> {
  await redis.kill();
  await redis.start();
}

/** Branches that have left their result. */
async function endedBranches(): Promise<number> {
  return redis.ask(async (client) => {
    const [key] = await client.keys("composer/result/*");
    return key === undefined ? 0 : client.hlen(key);
  });
}

test("Verifies that Redis may be down when a composition forks", options, async () => {
  await deploy(c.sequence("a", c.parallel("b", "d"), "d"));
  await redis.kill();
  const running = whisk.run("test", {});
  await sleep(300); // Redis stays away for a while: there is nothing else to wait for
  await redis.start();
  assert.deepEqual(await running, {
    value: [
      { a: 1, b: 1 },
      { a: 1, d: 1 },
    ],
    d: 1,
  });
});

test("Verifies that Redis may be killed between the invocations of a fork", options, async () => {
  await deploy(c.sequence(c.parallel("a", "b", "d"), "d"));
  whisk.onInvoke = async (count) => {
    if (count === 1) await restart();
  };
  assert.deepEqual(await whisk.run("test", {}), { value: [{ a: 1 }, { b: 1 }, { d: 1 }], d: 1 });
});

test("Verifies that Redis may be killed while the parent waits for the join", options, async () => {
  const slow = gated("slow");
  await deploy(c.sequence(c.parallel("a", "slow"), "d"));
  const running = whisk.run("test", {});
  await slow.reached;
  await eventually(async () => (await endedBranches()) === 1, "`a` has ended");
  await restart();
  slow.open();
  assert.deepEqual(await running, { value: [{ a: 1 }, { slow: 1 }], d: 1 });
});

test("Verifies that Redis may be down when branches end, one of them and all of them", options, async () => {
  const [one, other] = [gated("one"), gated("other")];
  await deploy(c.sequence(c.parallel("one", "other", "a"), "d"));
  const running = whisk.run("test", {});
  await Promise.all([one.reached, other.reached]);
  await redis.kill();
  one.open();
  other.open();
  await sleep(300); // Redis stays away for a while
  await redis.start();
  assert.deepEqual(await running, { value: [{ one: 1 }, { other: 1 }, { a: 1 }], d: 1 });
});

test("Verifies that a stage survives a Redis that is killed again and again", options, async () => {
  whisk.component("work", async (params) => {
    await sleep(Number(params["ms"]));
    return { did: params["ms"] };
  });
  await deploy(c.map("work"));
  const value = Array.from({ length: 12 }, (_, n) => ({ ms: n * 100 }));
  let running = true;
  const trouble = (async () => {
    while (running) {
      await restart();
      await sleep(70);
    }
  })();
  const result = await whisk.run("test", { value });
  running = false;
  await trouble;
  assert.deepEqual(result, { value: value.map(({ ms }) => ({ did: ms })) });
});

test("Verifies that a stage whose data Redis has lost ends with a clear error (barrier.J4)", options, async () => {
  const slow = gated("slow");
  await deploy(c.sequence(c.parallel("a", "slow"), "d"));
  const running = whisk.run("test", {});
  await slow.reached;
  await redis.kill();
  redis.wipe();
  await redis.start();
  assert.deepEqual(await running, { error: "Redis has lost the data of the parallel stage" });
  slow.open();
  await whisk.settled();
  await eventually(async () => (await redis.ask((client) => client.keys("*"))).length === 0, "a late branch leaves nothing behind");
});

test("Verifies that a stage ends with a clear error when its time is up", options, async () => {
  const slow = gated("slow");
  await deploy(c.sequence(c.parallel("a", "slow"), "d"), { stageTimeoutMs: 700 });
  const startedMs = Date.now();
  const result = await whisk.run("test", {});
  assert.ok(Date.now() - startedMs < 5_000);
  assert.deepEqual(result, { error: "The parallel stage has not ended within 700 ms of its fork" });
  slow.open();
  await whisk.settled();
  await eventually(async () => (await redis.ask((client) => client.keys("*"))).length === 0, "a late branch leaves nothing behind");
});

test("Verifies that a stage's time goes on while Redis is away for good", options, async () => {
  const slow = gated("slow");
  await deploy(c.sequence(c.parallel("a", "slow"), "d"), { stageTimeoutMs: 2_500 }, 3_000);
  const running = whisk.run("test", {});
  await slow.reached;
  await redis.kill();
  slow.open();
  assert.deepEqual(await running, { error: "The parallel stage has not ended within 2500 ms of its fork" });
  assert.ok(whisk.echoes >= 1, "over several activations");
  for (const result of await whisk.settled()) assert.match(JSON.stringify(result), /join|cannot be reached/, "branches end, too");
});

test("Verifies that a fork with Redis away for good ends with composer's error, and ours, within the activation", options, async () => {
  await deploy(c.parallel("a", "b"), {}, 3_000);
  await redis.kill();
  const result = (await whisk.run("test", {})) as { error: string };
  assert.match(result.error, /^Parallel combinator failed to invoke a composition at AST node root: Redis, which .* \(ECONNREFUSED\)$/);
  assert.ok(!whisk.log.join("\n").includes(redis.password));
});

test("Verifies that a branch delivers its result in a later activation when Redis is away for longer than its own", options, async () => {
  const slow = gated("slow");
  await deploy(c.sequence(c.parallel("a", "slow"), "d"), {}, 3_000);
  const running = whisk.run("test", {});
  await slow.reached;
  await eventually(async () => (await endedBranches()) === 1, "one branch has ended");
  await redis.kill();
  slow.open();
  await eventually(() => whisk.left.some((text) => text.includes('"state":-1')), "the branch has left an error state");
  await redis.start();
  assert.deepEqual(await running, { value: [{ a: 1 }, { slow: 1 }], d: 1 });
});

test("Verifies that a wrong password is an error at once and stays out of the log", options, async () => {
  await deploy(c.parallel("a", "b"), { redisUrl: redis.url.replace(redis.password, "wrong-secret") });
  const startedMs = Date.now();
  const result = (await whisk.run("test", {})) as { error: string };
  assert.match(result.error, /Redis refuses to join the parallel stage: WRONGPASS/);
  assert.ok(Date.now() - startedMs < 5_000);
  assert.ok(!whisk.log.join("\n").includes("wrong-secret"));
});
