/** Conductors whose waits the waiting action holds: its real code, in containers that runs share, with a real Redis. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { eventually } from "@openwhisk-harvest/testkit";
import { withoutRedisServer } from "@openwhisk-harvest/testkit/redis";
import { c, hookedConductor } from "../conductors.kit.js";
import { readWaitingBundle, wrapWaitingAction } from "../deploy/wrap.js";
import { exitsUnexpectedly, type Json, signal, TestOpenWhisk } from "../openwhisk.kit.js";
import { RedisServer } from "../redis.kit.js";
import { WAITING_ACTION } from "./wait-messages.js";
import type { WaitingConfig } from "./waiting-action.js";

type Composition = Parameters<typeof hookedConductor>[0];

interface Setting {
  readonly slots?: number;
  readonly concurrency?: number;
  readonly allowed?: boolean;
  readonly stageTimeoutMs?: number;
  readonly waiting?: Partial<WaitingConfig>;
  /** Deployed, and no longer there. */
  readonly isGone?: boolean;
}

describe("the waiting action", { skip: withoutRedisServer() }, () => {
  const redis = new RedisServer();
  before(() => redis.start());
  after(() => redis.stop());

  const keys = () => redis.ask((client) => client.keys("*"));
  const pops = () => redis.ask(async (client) => String(await client.call("CLIENT", "LIST")).match(/ cmd=brpop /g)?.length ?? 0);
  const value = (width: number) => ({ value: Array.from({ length: width }, () => ({ ok: 1 })) });

  async function cluster(composition: Composition, setting: Setting = {}) {
    await redis.ask((client) => client.flushall());
    const { slots = Number.POSITIVE_INFINITY, stageTimeoutMs = 50_000, waiting = {}, concurrency, allowed } = setting;
    const whisk = await new TestOpenWhisk({}, { slots }).start();
    whisk.component("nap", async (params) => {
      await sleep(Number(params["ms"] ?? 20));
      return { ok: 1 };
    });
    const waitingAction = `/_/${WAITING_ACTION}`;
    whisk.conductor("test", await hookedConductor(composition, { redisUrl: redis.url, stageTimeoutMs, waitingAction }));
    const code = wrapWaitingAction({ redisUrl: redis.url, timeoutMs: 60_000, ...waiting }, await readWaitingBundle());
    const options = { ...(concurrency && { concurrency }), ...(allowed !== undefined && { allowed }) };
    const waits = whisk.sharedAction(setting.isGone ? "another" : WAITING_ACTION, code, options);
    return { whisk, waits };
  }

  it("holds the waits of all stages in one container, while no conductor holds any (H7)", async () => {
    const { whisk, waits } = await cluster(c.parallel("gated"), { slots: 4 });
    const gate = signal();
    whisk.component("gated", async () => {
      await gate.given;
      return { ok: 1 };
    });
    const runs = Promise.all(Array.from({ length: 24 }, () => whisk.run("test")));
    await eventually(() => waits.running === 24 && whisk.conducting === 0, "all roots wait there");
    assert.equal(await pops(), 1, "over one connection that blocks");
    gate.give();
    assert.deepEqual(await runs, Array(24).fill(value(1)));
    assert.deepEqual([waits.started, waits.most, whisk.echoes], [1, 24, 0]);
    await whisk.stop();
    assert.deepEqual(
      (await keys()).filter((key) => !key.startsWith("composer/join/") && key !== "composer/crowded"),
      [],
    );
  });

  it("ends forks in branches with a container less than their conductors would hold", async () => {
    const inner = () => c.parallel("nap", "nap");
    const { whisk } = await cluster(c.parallel(inner(), inner(), inner(), inner()), { slots: 2 });
    assert.deepEqual(await whisk.run("test"), { value: Array.from({ length: 4 }, () => value(2)) });
    assert.equal(whisk.echoes, 0);
    await whisk.stop();
  });

  it("gives containers back that hold few waits, so that no branch waits for them (waiting-action.A3)", async () => {
    const { whisk, waits } = await cluster(c.parallel("nap"), { slots: 3, concurrency: 1 });
    const results = await Promise.all(Array.from({ length: 9 }, () => whisk.run("test")));
    assert.deepEqual(results, Array(9).fill(value(1)));
    assert.equal(waits.most, 1);
    await whisk.stop();
  });

  it("is no longer waited in where its container takes one run at a time (join-way.W4)", async () => {
    const { whisk } = await cluster(c.parallel("nap", "nap"), { slots: 4, allowed: false });
    const results = await Promise.all(Array.from({ length: 12 }, () => whisk.run("test", { ms: 50 })));
    assert.deepEqual(results, Array(12).fill(value(2)));
    await whisk.stop();
  });

  it("may be gone, or without Redis, or beside another one: conductors wait themselves", async () => {
    const other = await new RedisServer().start();
    const settings: Setting[] = [{ isGone: true }, { waiting: { redisUrl: "" } }, { waiting: { redisUrl: other.url } }];
    for (const setting of settings) {
      const { whisk } = await cluster(c.sequence(c.parallel("nap", "nap"), "keep"), setting);
      whisk.component("keep", (params: Json) => params);
      assert.deepEqual(await whisk.run("test", { ms: 300 }), value(2));
      await whisk.stop();
    }
    await other.stop();
  });

  it("is invoked again when its time limit is over (waiting-action.A2)", async () => {
    const { whisk, waits } = await cluster(c.parallel("nap", "nap"), { waiting: { timeoutMs: 5_500 } });
    assert.deepEqual(await whisk.run("test", { ms: 2_500 }), value(2));
    assert.ok(waits.runs > 1, `${waits.runs} waits`);
    assert.equal(whisk.echoes, 0);
    await whisk.stop();
  });

  it("tells that a branch has ended without a result, with its error and its activation (barrier.J7)", async () => {
    const handled = c.try(c.parallel("nap", exitsUnexpectedly), ({ error }) => ({ handled: error }));
    const { whisk } = await cluster(handled);
    const startedMs = Date.now();
    const { handled: told } = (await whisk.run("test")) as { handled?: string };
    const said =
      /^branch 1 ended without a result: The action did not produce a valid response and exited unexpectedly\., activation [0-9a-f]{32}$/;
    assert.match(String(told), said);
    assert.ok(Date.now() - startedMs < 30_000, "its stage has 50 s");
    assert.deepEqual(await redis.ask((client) => client.keys("composer/[fr]*")), []);
    await whisk.stop();
  });

  for (const isGone of [false, true])
    it(`ends the stages in the branches of a stage that has ended, ${isGone ? "also in turns" : "with their waits"} (barrier.J8)`, async () => {
      const { whisk, waits } = await cluster(c.parallel(exitsUnexpectedly, c.sequence(c.parallel("gated"))), { isGone });
      const gate = signal();
      whisk.component("gated", async () => {
        await gate.given;
        return { ok: 1 };
      });
      const { error } = (await whisk.run("test")) as { error?: string };
      assert.match(String(error), /^branch 0 ended without a result/);
      const isOver = async () =>
        waits.running + whisk.conducting === 0 && (await redis.ask((client) => client.keys("composer/[fr]*"))).length === 0;
      await eventually(isOver, "the inner stage has ended, though its branch has not");
      gate.give();
      await whisk.stop();
    });

  it("waits no longer than the stage's time (barrier.J5)", async () => {
    const { whisk } = await cluster(c.parallel("nap"), { stageTimeoutMs: 1_500 });
    const { error } = (await whisk.run("test", { ms: 4_000 })) as { error?: string };
    assert.equal(error, "The parallel stage has not ended within 1500 ms of its fork");
    await whisk.stop();
    assert.deepEqual(await redis.ask((client) => client.keys("composer/[fr]*")), []);
  });
});
