/** The wrapped conductor does what composer's own does, and gives every function run its key. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { isActivationId, parseRunKey } from "@openwhisk-harvest/core";
import { withoutRedisServer } from "@openwhisk-harvest/testkit/redis";
import fc from "fast-check";
import type { Redis } from "ioredis";
import type { Composition } from "../composer.js";
import { c, hookedConductor, plainConductor } from "../conductors.kit.js";
import { type Json, signal, TestOpenWhisk } from "../openwhisk.kit.js";
import { plainRedisModules, RedisServer } from "../redis.kit.js";

const options = { skip: withoutRedisServer() };
const redis = new RedisServer();
before(async () => {
  if (!options.skip) await redis.start();
});
after(() => redis.stop());

function equip(whisk: TestOpenWhisk): Promise<TestOpenWhisk> {
  return whisk
    .component("a", (params) => ({ ...params, a: 1 }))
    .component("b", (params) => ({ b: params["n"] ?? params["value"] ?? null }))
    .component("c", (params) => ({ c: Object.keys(params).sort() }))
    .component("d", (params) => ({ d: params }))
    .component("fails", () => ({ error: "this one fails" }))
    .component("echo", (params) => params)
    .start();
}

interface Outcomes {
  readonly plain: unknown;
  readonly hooked: unknown;
  readonly whisk: TestOpenWhisk;
}

/** Runs a composition under plain composer and under the hook, which joins over Redis or lets the server join. */
async function both(composition: Composition, params: unknown, joins: boolean): Promise<Outcomes> {
  const clients: Redis[] = [];
  const plainWhisk = await equip(new TestOpenWhisk(plainRedisModules(redis.url, clients)));
  plainWhisk.conductor("test", plainConductor(composition));
  const input = typeof params === "object" && params !== null ? { ...params, $composer: { redis: { uri: redis.url } } } : params;
  const plain = await plainWhisk.run("test", input);
  await plainWhisk.stop();
  for (const client of clients) client.disconnect();

  const whisk = await equip(new TestOpenWhisk({}, { joins }));
  whisk.conductor("test", await hookedConductor(composition, joins ? {} : { redisUrl: redis.url }));
  const hooked = await whisk.run("test", params);
  await whisk.stop();
  return { plain, hooked, whisk };
}

function keysOf(whisk: TestOpenWhisk): string[] {
  const roots = new Set<string>();
  const keys = whisk.runs.map(({ action, harvest }) => {
    const { root } = parseRunKey((harvest as Json | undefined)?.["k"]);
    assert.ok(isActivationId(root));
    roots.add(root);
    return `${action} ${String((harvest as Json)["k"]).replace(root, "R")}`;
  });
  assert.equal(roots.size, 1, "all runs of a composition run have one root");
  return keys.sort();
}

const CASES: { name: string; composition: () => Composition; params?: Json; keys: string[] }[] = [
  {
    name: "sequence(a, parallel(b, c), d)",
    composition: () => c.sequence("a", c.parallel("b", "c"), "d"),
    params: { n: 7 },
    keys: ["a R:/[0]:0", "b R:[1].0#0/[1][0]:0", "c R:[1].0#1/[1][1]:0", "d R:/[2]:1"],
  },
  {
    name: "a parallel as the whole composition",
    composition: () => c.parallel("b", "c"),
    keys: ["b R:.0#0/[0]:0", "c R:.0#1/[1]:0"],
  },
  {
    name: "nested parallel",
    composition: () => c.parallel(c.sequence("a", c.parallel("b", "c")), "d"),
    params: { n: 1 },
    keys: ["a R:.0#0/[0][0]:0", "b R:.0#0/[0][1].0#0/[0][1][0]:0", "c R:.0#0/[0][1].0#1/[0][1][1]:0", "d R:.0#1/[1]:0"],
  },
  {
    name: "map over 20 items",
    composition: () => c.map("b"),
    params: { value: Array.from({ length: 20 }, (_, n) => (n % 2 ? n : { n })) },
    keys: Array.from({ length: 20 }, (_, n) => `b R:.0#${n}/[0]:0`),
  },
  {
    name: "repeat(2, parallel(b, c))",
    composition: () => c.repeat(2, c.parallel("b", "c")),
    keys: ["b R:[0].0#0/[0][0]:0", "b R:[0].1#0/[0][0]:0", "c R:[0].0#1/[0][1]:0", "c R:[0].1#1/[0][1]:0"],
  },
  {
    name: "try around a parallel with a failing branch",
    composition: () => c.try(c.parallel("b", "fails"), ({ error }) => ({ handled: error })),
    keys: ["b R:.body.0#0/.body[0]:0", "fails R:.body.0#1/.body[1]:0"],
  },
  {
    name: "retain, let and inline functions around a parallel",
    composition: () =>
      c.let(
        { n: 3 },
        c.retain(
          c.parallel(
            c.sequence((p) => ({ ...p, seen: true }), "c"),
            "b",
          ),
        ),
        (p) => ({ ...p, done: 1 }),
        "echo",
      ),
    params: { n: 2 },
    keys: ["b R:[0][0].0#1/[0][0][1]:0", "c R:[0][0].0#0/[0][0][0][1]:0", "echo R:/[2]:0"],
  },
  {
    name: "a loop of components",
    composition: () => c.repeat(3, "a"),
    keys: ["a R:/[0]:0", "a R:/[0]:1", "a R:/[0]:2"],
  },
  {
    name: "an empty parallel and a map over nothing",
    composition: () => c.sequence(c.parallel(), () => ({ value: [] }), c.map("b"), "d"),
    keys: ["d R:/[3]:0"],
  },
];

for (const { name, composition, params = {}, keys } of CASES)
  for (const joins of [false, true])
    test(
      `Verifies that ${name} gives plain composer's result, and its keys, joined ${joins ? "by the server" : "over Redis"}`,
      options,
      async () => {
        const { plain, hooked, whisk } = await both(composition(), params, joins);
        assert.deepEqual(hooked, plain);
        assert.deepEqual(keysOf(whisk), keys.sort());
        assert.doesNotMatch(JSON.stringify(hooked), /harvest/);
        assert.ok(joins || whisk.joins === 0);
      },
    );

test("Verifies that a stage that the server joins waits in no activation, and leaves nothing in the session's state", options, async () => {
  const whisk = await equip(new TestOpenWhisk({}, { joins: true }));
  whisk.conductor("test", await hookedConductor(c.sequence(c.parallel("a", c.parallel("b", "c")), "d")));
  assert.deepEqual(await whisk.run("test", {}), { d: { value: [{ a: 1 }, { value: [{ b: null }, { c: [] }] }] } });
  await whisk.settled();
  assert.deepEqual([whisk.joins, whisk.echoes], [2, 0]);
  const all = [...whisk.left, JSON.stringify(whisk.runs)].join("\n");
  assert.doesNotMatch(all, /redis/);
  const last = JSON.parse(whisk.left.at(-1) ?? "{}") as { $composer: Json };
  assert.ok(!("collect" in last.$composer) && !("stage" in (last.$composer["harvest"] as Json)));
  await whisk.stop();
});

test("Verifies that an error of a stage that the server joins is caught as any other", options, async () => {
  const whisk = await equip(new TestOpenWhisk({}, { joins: true }));
  const handled = c.try(c.parallel("b", "d"), ({ error }) => ({ handled: error }));
  whisk.conductor("test", await hookedConductor(handled, { stageTimeoutMs: 0 }));
  assert.deepEqual(await whisk.run("test", {}), { handled: "the stage's time is over" });
  await whisk.stop();
});

test("Verifies that an async branch is known by a trail of its own", options, async () => {
  const whisk = await equip(new TestOpenWhisk());
  whisk.conductor("test", await hookedConductor(c.sequence(c.async("b"), "d")));
  await whisk.run("test", {});
  await whisk.settled();
  assert.deepEqual(keysOf(whisk), ["b R:[0].0#0/[0][0]:0", "d R:/[1]:0"]);
  await whisk.stop();
});

test("Verifies that a composition called by name is a root of its own and sees no key", options, async () => {
  const whisk = await equip(new TestOpenWhisk());
  whisk.conductor("inner", await hookedConductor(c.sequence("echo"), { dag: "inner" }));
  whisk.conductor("test", await hookedConductor(c.sequence("inner", "d"), { positions: ["[0]", "[1]"] }));
  const result = await whisk.run("test", { n: 1 });
  assert.deepEqual(result, { d: { n: 1 } });
  const roots = whisk.runs.map(({ harvest }) => parseRunKey((harvest as Json)["k"]).root);
  assert.equal(new Set(roots).size, 2);
  await whisk.stop();
});

test("Verifies that a user's own $composer.harvest at a start counts for nothing", options, async () => {
  for (const harvest of [{ root: "f".repeat(32), trail: "", d: "mine" }, "garbage", [1], { root: 5, trail: {} }, null, { seq: -1 }]) {
    const whisk = await equip(new TestOpenWhisk());
    whisk.conductor("test", await hookedConductor(c.sequence("a", c.parallel("b", "c")), { redisUrl: redis.url }));
    const result = await whisk.run("test", { $composer: { harvest }, $harvest: { k: "mine" } });
    assert.deepEqual(result, { value: [{ b: null }, { c: ["a"] }] });
    for (const run of whisk.runs) {
      assert.doesNotMatch(JSON.stringify(run.harvest), /f{32}|mine/);
      assert.equal((run.harvest as Json)["d"], undefined);
    }
    await whisk.stop();
  }
});

test("Verifies that garbage in a resumed session's state costs the keys and not the composition", options, async () => {
  const code = await hookedConductor(c.sequence("a", "b"));
  const whisk = await equip(new TestOpenWhisk());
  whisk.conductor("test", code);
  const result = await whisk.run("test", {
    n: 4,
    $composer: { state: 2, stack: [], session: "x", harvest: { root: "no", trail: 1, seq: "x" } },
  });
  assert.deepEqual(result, { b: 4 });
  assert.equal(whisk.runs[0]?.harvest, undefined);
  await whisk.stop();
});

test("Verifies that any input gives plain composer's result", options, async () => {
  const composition = () => c.sequence("echo", (p) => p, "echo");
  const plain = await equip(new TestOpenWhisk());
  plain.conductor("test", plainConductor(composition()));
  const hooked = await equip(new TestOpenWhisk());
  hooked.conductor("test", await hookedConductor(composition(), { redisUrl: redis.url }));
  const key = fc.constantFrom("$harvest", "x", "error", "value", "state", "$bytes", "params", "action", "__proto__");
  const input = fc.oneof(fc.dictionary(key, fc.jsonValue()), fc.array(fc.jsonValue(), { maxLength: 3 }));
  await fc.assert(
    fc.asyncProperty(input, async (params) => {
      const { $harvest, ...own } = params as Json;
      const expected = await plain.run("test", Array.isArray(params) ? params : own);
      assert.deepEqual(await hooked.run("test", params), expected);
    }),
    { numRuns: 100 },
  );
  for (const params of [null, undefined, 3, "text", true]) assert.equal(typeof (await hooked.run("test", params)), "object");
  await Promise.all([plain.stop(), hooked.stop()]);
});

test("Verifies that the address of Redis leaves the conductor in no state, no parameter and no log line", options, async () => {
  const composition = c.sequence("a", c.parallel("b", c.sequence("a", c.parallel("b", "c"))), c.async("d"), "d");
  const whisk = await equip(new TestOpenWhisk());
  whisk.conductor("test", await hookedConductor(composition, { redisUrl: redis.url }));
  const result = await whisk.run("test", {});
  await whisk.settled();
  const all = [...whisk.left, ...whisk.log, JSON.stringify(whisk.runs), JSON.stringify(result)].join("\n");
  assert.ok(all.length > 1_000);
  assert.ok(!all.includes(redis.password) && !all.includes(String(redis.port)) && !all.includes("redis://"));
  await whisk.stop();
});

test("Verifies that a composition without Redis says what composer says", options, async () => {
  const whisk = await equip(new TestOpenWhisk());
  whisk.conductor("test", await hookedConductor(c.parallel("b", "c")));
  assert.deepEqual(await whisk.run("test", {}), { error: "Parallel combinator requires a properly configured redis instance" });
  const own = { $composer: { redis: { uri: redis.url } } };
  assert.deepEqual(
    await whisk.run("test", own),
    { value: [{ b: null }, { c: [] }] },
    "a user's own Redis is used where none is configured",
  );
  await whisk.stop();
});

test("Verifies that a stage longer than a conductor's time limit is joined over several activations", options, async () => {
  const whisk = await equip(new TestOpenWhisk());
  const gate = signal();
  whisk.component("slow", async () => {
    await gate.given;
    return { slow: 1 };
  });
  // composer waits max(limit - 5 s, 1 s): with 3 s each round takes one second
  whisk.conductor("test", await hookedConductor(c.sequence(c.parallel("slow", "b"), "d"), { redisUrl: redis.url }), 3_000);
  const running = whisk.run("test", { n: 1 });
  while (whisk.echoes < 2) await new Promise((resolve) => setTimeout(resolve, 20));
  gate.give();
  assert.deepEqual(await running, { d: { value: [{ slow: 1 }, { b: 1 }] } });
  assert.deepEqual(keysOf(whisk), ["b R:[0].0#1/[0][1]:0", "d R:/[1]:0", "slow R:[0].0#0/[0][0]:0"], "echo rounds do not count");
  await whisk.stop();
});

test(
  "Verifies that nothing of a joined stage stays in Redis but a late notification's minute, and that an open one has a day to live",
  options,
  async (t) => {
    const whisk = await equip(new TestOpenWhisk());
    t.after(() => whisk.stop());
    const keys = (pattern: string) => redis.ask((client) => client.keys(pattern));
    const ttlS = (key: string) => redis.ask((client) => client.ttl(key));
    const before = new Set(await keys("composer/*"));
    let openTtlS = -2;
    whisk.component("peek", async () => {
      const [key] = (await keys("composer/fork/*")).filter((one) => !before.has(one));
      openTtlS = await ttlS(key ?? "");
      return {};
    });
    whisk.conductor("test", await hookedConductor(c.parallel("peek"), { redisUrl: redis.url }));
    await whisk.run("test", {});
    assert.ok(openTtlS > 86_000 && openTtlS <= 86_400, `a time to live of ${openTtlS} s`);
    for (const key of (await keys("composer/*")).filter((one) => !before.has(one))) {
      assert.match(key, /^composer\/join\//);
      assert.ok((await ttlS(key)) <= 60);
    }
  },
);
