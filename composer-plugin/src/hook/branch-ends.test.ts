/** A branch that ends without a result ends its stage, by name (barrier.J7). */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { HandClock } from "@openwhisk-harvest/testkit";
import { withoutRedisServer } from "@openwhisk-harvest/testkit/redis";
import { c, hookedConductor } from "../conductors.kit.js";
import { exitsUnexpectedly, TestOpenWhisk } from "../openwhisk.kit.js";
import { RedisServer } from "../redis.kit.js";
import { BranchEnds } from "./branch-ends.js";
import type { HookHost } from "./config.js";

const idOf = (position: number) => position.toString(16).padStart(32, "0");
const failed = (error: string) => ({ response: { status: "action developer error", result: { error } } });
const none = new Set<number>();

describe("the ends of branches", () => {
  function setUp(width: number, read: (activationId: string) => Promise<unknown>) {
    const clock = new HandClock();
    const host: HookHost = { env: {}, nowMs: () => clock.nowMs(), sleep: (ms, signal) => clock.sleep(ms, signal) };
    const asked: number[] = [];
    const noting = (activationId: string) => {
      asked.push(Number.parseInt(activationId, 16));
      return read(activationId);
    };
    const branches = Array.from({ length: width }, (_, position) => idOf(position));
    const ends = new BranchEnds({ branches, sinceMs: clock.nowMs() }, noting, host);
    return { clock, asked, look: (left: ReadonlySet<number> = none, again = left) => ends.look(left, async () => again) };
  }
  const running = async () => {
    throw Object.assign(new Error("404"), { statusCode: 404 });
  };

  it("are looked at after two seconds, and the more rarely the longer the stage takes", async () => {
    const { clock, asked, look } = setUp(1, running);
    const times: number[] = [];
    for (let ms = 0; ms < 120_000; ms += 500) {
      const before = asked.length;
      assert.equal(await look(), undefined);
      if (asked.length > before) times.push(ms);
      await clock.advance(500);
    }
    assert.deepEqual(times.slice(0, 10), [2_000, 4_000, 6_000, 8_000, 10_000, 12_000, 14_000, 16_000, 18_000, 20_000]);
    assert.ok(times.slice(1).every((ms, i) => ms - (times[i] ?? 0) <= 2_000 + ms / 10));
    assert.ok(times.length < 30, `${times.length} looks in two minutes`);
  });

  it("are looked at some at a time, all of them in turn, and only those that have left nothing", async () => {
    const { clock, asked, look } = setUp(20, running);
    const left = new Set([0, 3, 19]);
    for (let looks = 0; looks < 5; looks++) {
      await clock.advance(10_000);
      const before = asked.length;
      await look(left);
      assert.equal(asked.length - before, 8);
    }
    const times = new Map<number, number>();
    for (const position of asked) times.set(position, (times.get(position) ?? 0) + 1);
    assert.deepEqual(
      [...times.keys()].sort((a, b) => a - b),
      Array.from({ length: 20 }, (_, n) => n).filter((n) => !left.has(n)),
    );
    assert.ok([...times.values()].every((n) => n === 2 || n === 3));
  });

  it("are told with position, error and activation", async () => {
    const { clock, look } = setUp(3, (id) => (id === idOf(1) ? Promise.resolve(failed("it was killed")) : running()));
    await clock.advance(2_000);
    assert.equal(await look(), `branch 1 ended without a result: it was killed, activation ${idOf(1)}`);
  });

  it("are none of those that left their result just before they ended", async () => {
    const { clock, look } = setUp(2, async () => failed("too late"));
    await clock.advance(2_000);
    assert.equal(await look(none, new Set([0, 1])), undefined);
  });

  it("cannot be told by an OpenWhisk that fails, hangs or answers nonsense", async () => {
    const answers = [running, () => new Promise(() => undefined), async () => undefined, async () => ({ response: 7 })];
    for (const answer of answers) {
      const { clock, look } = setUp(1, answer);
      await clock.advance(2_000);
      const looking = look();
      await clock.advance(2_000);
      assert.equal(await looking, undefined);
    }
  });
});

describe("a stage one of whose branches leaves no result", { skip: withoutRedisServer() }, () => {
  const redis = new RedisServer();
  before(() => redis.start());
  after(() => redis.stop());

  async function run(composition: Parameters<typeof hookedConductor>[0], timeoutMs?: number) {
    const whisk = await new TestOpenWhisk().start();
    whisk.component("a", () => ({ a: 1 })).component("d", (params) => ({ d: params }));
    whisk.conductor("test", await hookedConductor(composition, { redisUrl: redis.url }), timeoutMs);
    const result = (await whisk.run("test")) as { error?: string };
    await whisk.stop();
    return { result, whisk };
  }

  it("ends long before its time when an inline function ends its container, with the branch, its error and its activation", async () => {
    const startedMs = Date.now();
    const { result } = await run(c.sequence(c.parallel("a", exitsUnexpectedly), "d"));
    const said =
      /^branch 1 ended without a result: The action did not produce a valid response and exited unexpectedly\., activation [0-9a-f]{32}$/;
    assert.match(String(result.error), said);
    assert.ok(Date.now() - startedMs < 20_000, "its stage has 30 s");
    assert.deepEqual(await redis.ask((client) => client.keys("composer/*")), [], "and leaves nothing behind");
  });

  it("ends with an error that the composition handles as any other", async () => {
    const handled = c.try(c.parallel(exitsUnexpectedly, "a"), ({ error }) => ({ handled: String(error).slice(0, 31) }));
    const { result } = await run(c.sequence(handled, "d"));
    assert.deepEqual(result, { d: { handled: "branch 0 ended without a result" } });
  });

  it("costs OpenWhisk no question when it ends within two seconds", async () => {
    const { result, whisk } = await run(c.parallel("a", "a", "a"));
    assert.deepEqual(result, { value: [{ a: 1 }, { a: 1 }, { a: 1 }] });
    assert.equal(whisk.lookUps, 0);
  });
});
