/** H7 on an OpenWhisk that knows nothing of joins: what waits gives its container back, and what need not does not. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { eventually } from "@openwhisk-harvest/testkit";
import { withoutRedisServer } from "@openwhisk-harvest/testkit/redis";
import { c, hookedConductor } from "../conductors.kit.js";
import { TestOpenWhisk } from "../openwhisk.kit.js";
import { RedisServer } from "../redis.kit.js";
import { BEGIN_MS, isCrowded, sharedTurnMs, turnMs } from "./turns.js";

describe("turns", () => {
  it("are 1, 2, 4 .. 55 s", () => {
    const turns = Array.from({ length: 9 }, (_, n) => turnMs(n));
    assert.deepEqual(turns, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 55_000, 55_000, 55_000]);
  });

  it("leave a stage of ten minutes within the components that OpenWhisk allows", () => {
    let [waitedMs, rounds] = [0, 0];
    while (waitedMs < 600_000) waitedMs += turnMs(rounds++);
    assert.ok(rounds <= 20, `${rounds}`);
  });

  it("are as many times longer in a container that waits share as there are waits in it", () => {
    assert.deepEqual([sharedTurnMs(0, 1), sharedTurnMs(2, 1), sharedTurnMs(0, 3), sharedTurnMs(0, 200)], [4_000, 16_000, 12_000, 55_000]);
    let [waitedMs, rounds] = [0, 0];
    while (waitedMs < 600_000) waitedMs += sharedTurnMs(rounds++, 1);
    assert.ok(rounds <= 20, `${rounds}: a lone wait of ten minutes stays within the components that OpenWhisk allows`);
  });

  it("are for stages whose branches have not all begun a second after their fork", () => {
    const crowd = { sinceMs: 500, width: 3, begun: 2 };
    assert.equal(isCrowded(crowd, 500 + BEGIN_MS - 1), false);
    assert.equal(isCrowded(crowd, 500 + BEGIN_MS), true);
    assert.equal(isCrowded({ ...crowd, begun: 3 }, 1_000_000), false);
  });
});

/** Shorter than the time that composer itself would hold a container, so that a stage whose parent does that is too late. */
const STAGE_TIMEOUT_MS = 50_000;

describe("a cluster with few containers", { skip: withoutRedisServer() }, () => {
  const redis = new RedisServer();
  before(() => redis.start());
  after(() => redis.stop());

  async function cluster(slots: number, composition: Parameters<typeof hookedConductor>[0]): Promise<TestOpenWhisk> {
    await redis.ask((client) => client.flushall());
    const whisk = await new TestOpenWhisk({}, { slots }).start();
    whisk.component("nap", async (params) => {
      await sleep(Number(params["ms"] ?? 20));
      return { ok: 1 };
    });
    return whisk.conductor("test", await hookedConductor(composition, { redisUrl: redis.url, stageTimeoutMs: STAGE_TIMEOUT_MS }));
  }
  const value = (width: number) => ({ value: Array.from({ length: width }, () => ({ ok: 1 })) });

  it("ends all compositions that come at once, four times as many as it has containers", async () => {
    const whisk = await cluster(4, c.parallel("nap", "nap"));
    const results = await Promise.all(Array.from({ length: 16 }, () => whisk.run("test")));
    assert.deepEqual(
      results,
      Array.from({ length: 16 }, () => value(2)),
    );
    assert.ok(whisk.echoes > 0, "containers were given back");
    await whisk.stop();
  });

  it("ends a composition whose branches fork again, with a container less than waiting branches would hold", async () => {
    const inner = () => c.parallel("nap", "nap");
    const whisk = await cluster(4, c.parallel(inner(), inner(), inner(), inner()));
    assert.deepEqual(await whisk.run("test"), { value: Array.from({ length: 4 }, () => value(2)) });
    await whisk.stop();
  });

  it("gives nothing back for a stage whose branches have all begun at once, and whose container no other wants", async () => {
    const whisk = await cluster(16, c.parallel("nap", "nap", "nap"));
    const given = async () => {
      const before = whisk.echoes;
      assert.deepEqual(await whisk.run("test", { ms: 4_000 }), value(3));
      return whisk.echoes - before;
    };
    // on a machine so busy that branches take a second to begin, its containers are wanted indeed
    let least = await given();
    for (let tries = 1; tries < 5 && least > 0; tries++) least = Math.min(least, await given());
    assert.equal(least, 0);
    await whisk.stop();
  });

  it("has containers back from a stage that found room when a later one finds none", async () => {
    const whisk = await cluster(3, c.parallel("nap"));
    const early = whisk.run("test", { ms: 8_000 });
    const barrierOf = () => /barrierId: (\S+), waiting/.exec(whisk.log.join("\n"))?.[1];
    const barrierId = await eventually(barrierOf, "the early stage waits");
    await sleep(1_500); // its branch has begun: alone it would wait in its container to the end
    const late = await Promise.all(Array.from({ length: 4 }, () => whisk.run("test", { ms: 20 })));
    assert.deepEqual([await early, ...late], Array(5).fill(value(1)));
    assert.ok(whisk.log.includes(`barrierId: ${barrierId}, handling timeout`), "the early stage gave its container back");
    await whisk.stop();
  });
});
