/**
 * The contract of the port AllocationStore (lib/core/src/ports.ts) over a real Redis server that can be stopped and
 * killed.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import {
  DEFAULT_MODE_SETTINGS,
  HarvestError,
  NEWEST_EVENT,
  type Observation,
  OLDEST_EVENT,
  type PlanEntries,
  type PublishedAllocation,
  parseTrail,
  REDIS_KEYS,
  type RunEvent,
} from "@openwhisk-harvest/core";
import { eventually } from "@openwhisk-harvest/testkit";
import type { TestRedis } from "@openwhisk-harvest/testkit/redis";
import { Redis } from "ioredis";
import { RedisAllocationStore } from "./redis-allocation-store.js";

const UNAVAILABLE = { name: "HarvestError", code: "OWH_STORE_UNAVAILABLE" };
const TIMEOUT_MS = 200;
const TTL_MS = 60_000;
/** How much later than its time limit a call may end on a busy host. */
const SLACK_MS = 300;

const allocation = (cpuCores: number, epoch = 0): PublishedAllocation => ({ v: 1, cpuCores, decision: "d-0", namespace: "guest", epoch });

const observation = (activationId: string): Observation => ({
  v: 1,
  activationId,
  mode: "harvest",
  enforcement: "cgroup-v1",
  allocated: { cpuCores: 0.5, memoryMb: 256 },
  user: { memoryMb: 256 },
  cold: false,
  durationMs: 12.5,
  cpuTimeMs: 10,
  cpuMeanCores: 0.8,
  cpuPeakCores: 1,
  memoryPeakMb: 40.25,
  samples: 3,
  outcome: "success",
});

export function allocationStoreContract(name: string, skip: string | false, start: () => Promise<TestRedis>): void {
  describe(`allocation store: ${name}`, { skip }, () => {
    let server: TestRedis;
    let store: RedisAllocationStore;
    /** Looks at the very keys. */
    let redis: Redis;
    const fresh = () => randomBytes(16).toString("hex");

    before(async () => {
      server = await start();
      store = await RedisAllocationStore.connect({ url: server.url, timeoutMs: TIMEOUT_MS, ttlMs: TTL_MS });
      redis = new Redis(server.url);
    });
    after(async () => {
      redis.disconnect();
      await store.close();
      await server.close();
    });

    it("finds nothing but the default modes where nothing was published", async () => {
      assert.deepEqual(await store.lookup({ root: fresh(), trail: [], astPath: "[0]" }), { modes: DEFAULT_MODE_SETTINGS });
    });

    it("gives the most specific allocation of a run", async () => {
      const root = fresh();
      const trail = parseTrail("[1].0#2");
      await store.publish(root, { "[1].0#2/[1][2]": allocation(3), "[1][2]#2": allocation(2), "[1][2]": allocation(1) });
      const cpuCoresOf = async (steps: typeof trail) =>
        (await store.lookup({ root, trail: steps, astPath: "[1][2]" })).allocation?.cpuCores;
      assert.equal(await cpuCoresOf(trail), 3);
      assert.equal(await cpuCoresOf(parseTrail("[1].1#2")), 2);
      assert.equal(await cpuCoresOf(parseTrail("[1].1#0")), 1);
      assert.equal(await cpuCoresOf([]), 1);
    });

    it("adds later stages of a run to its earlier ones, and renews their time to live", async () => {
      const root = fresh();
      await store.publish(root, { "[0]": allocation(1) });
      await redis.pexpire(REDIS_KEYS.allocation(root), 1_000);
      await store.publish(root, { "[1]": allocation(2) });
      assert.deepEqual(Object.keys(await redis.hgetall(REDIS_KEYS.allocation(root))).sort(), ["[0]", "[1]"]);
      assert.ok((await redis.pttl(REDIS_KEYS.allocation(root))) > TTL_MS / 2);
    });

    it("publishing nothing leaves no key", async () => {
      const root = fresh();
      await store.publish(root, {});
      assert.equal(await redis.exists(REDIS_KEYS.allocation(root)), 0);
    });

    const unreadable = {
      "no JSON": "{",
      "no object": "null",
      "another version": { ...allocation(1), v: 2 },
      "a negative amount": allocation(-1),
      "nothing at all of a resource": allocation(0),
      "infinite cores": '{"v":1,"cpuCores":1e999,"decision":"d","namespace":"n","epoch":0}',
      "a text for a number": { ...allocation(1), memoryMb: "256" },
      "null for a number": { ...allocation(1), memoryMb: null },
      "no decision": { ...allocation(1), decision: undefined },
      "no namespace": { ...allocation(1), namespace: "" },
      "no whole epoch": { ...allocation(1), epoch: 0.5 },
    };
    for (const [what, value] of Object.entries(unreadable))
      it(`H3: ${what} counts as absent, also above a readable one`, async () => {
        const root = fresh();
        const key = { root, trail: parseTrail("[1].0#2"), astPath: "[1][2]" };
        await redis.hset(REDIS_KEYS.allocation(root), "[1][2]#2", typeof value === "string" ? value : JSON.stringify(value));
        assert.equal((await store.lookup(key)).allocation, undefined);
        await redis.hset(REDIS_KEYS.allocation(root), "[1][2]", JSON.stringify(allocation(1)));
        assert.equal((await store.lookup(key)).allocation, undefined);
        assert.equal((await store.lookup({ ...key, trail: [] })).allocation?.cpuCores, 1);
      });

    it("H3: a key of another type counts as absent, and cannot be published to by halves", async () => {
      const root = fresh();
      await redis.set(REDIS_KEYS.allocation(root), "text");
      assert.equal((await store.lookup({ root, trail: [], astPath: "[0]" })).allocation, undefined);
      await assert.rejects(store.publish(root, { "[0]": allocation(1) }), UNAVAILABLE);
      assert.equal(await redis.get(REDIS_KEYS.allocation(root)), "text");
    });

    it("H3: an allocation expires", async () => {
      const shortLived = await RedisAllocationStore.connect({ url: server.url, timeoutMs: TIMEOUT_MS, ttlMs: 30 });
      const root = fresh();
      await shortLived.publish(root, { "[0]": allocation(1) });
      await eventually(async () => !(await store.lookup({ root, trail: [], astPath: "[0]" })).allocation, "expiry");
      await shortLived.close();
    });

    it("keeps the modes for ever, and takes unreadable ones for the default", async () => {
      const settings = { v: 1, global: "harvest", namespaces: { guest: "off" } } as const;
      await store.setModes(settings);
      assert.deepEqual(await store.modes(), settings);
      assert.deepEqual((await store.lookup({ root: fresh(), trail: [], astPath: "" })).modes, settings);
      assert.equal(await redis.pttl(REDIS_KEYS.mode), -1);
      for (const text of ["", "{", '{"v":1,"global":"everything"}']) {
        await redis.set(REDIS_KEYS.mode, text);
        assert.deepEqual(await store.modes(), DEFAULT_MODE_SETTINGS, text);
        assert.deepEqual((await store.lookup({ root: fresh(), trail: [], astPath: "" })).modes, DEFAULT_MODE_SETTINGS, text);
      }
      await redis.del(REDIS_KEYS.mode);
    });

    it("loses no change of the modes that is made beside others, and outlives a process that died at it", async () => {
      const other = await RedisAllocationStore.connect({ url: server.url, timeoutMs: 10_000, ttlMs: 60_000 });
      await redis.set(REDIS_KEYS.modeLock, "of a dead one", "PX", 50);
      const names = Array.from({ length: 10 }, (_, n) => `n${n}`);
      const add = (name: string) =>
        other.changeModes((settings) => ({ ...settings, namespaces: { ...settings.namespaces, [name]: "observe" } }));
      await Promise.all(names.map(add));
      assert.deepEqual(Object.keys((await store.modes()).namespaces).sort(), names);
      const refuse = () => {
        throw new HarvestError("OWH_BAD_REQUEST", "no");
      };
      await assert.rejects(other.changeModes(refuse), { code: "OWH_BAD_REQUEST" });
      assert.equal(await redis.exists(REDIS_KEYS.modeLock), 0);
      await other.close();
      await redis.del(REDIS_KEYS.mode);
    });

    it("keeps an observation for a time, and believes only what speaks of that activation", async () => {
      const id = fresh();
      assert.equal(await store.observation(id), undefined);
      await store.putObservation(observation(id));
      assert.deepEqual(await store.observation(id), observation(id));
      assert.ok((await redis.pttl(REDIS_KEYS.observation(id))) > TTL_MS / 2);
      await redis.set(REDIS_KEYS.observation(id), JSON.stringify(observation(fresh())));
      assert.equal(await store.observation(id), undefined);
    });

    it("appends events in their order, and bounds the stream", async () => {
      const id = fresh();
      await store.appendEvent({ type: "start", activationId: id, atMs: 1, k: "k" });
      await store.appendEvent({ type: "end", activationId: id, atMs: 2 });
      const events = (await redis.xrange(REDIS_KEYS.events, "-", "+")).map(([, [, json]]) => JSON.parse(json as string));
      assert.deepEqual(events.slice(-2), [
        { v: 1, type: "start", activationId: id, atMs: 1, k: "k" },
        { v: 1, type: "end", activationId: id, atMs: 2 },
      ]);
      const pipeline = redis.pipeline();
      for (let n = 0; n < 11_000; n++) pipeline.xadd(REDIS_KEYS.events, "*", "event", "{}");
      await pipeline.exec();
      await store.appendEvent({ type: "end", activationId: id, atMs: 3 });
      assert.ok((await redis.xlen(REDIS_KEYS.events)) <= 10_100);
    });

    it("gives everything it writes a time to live, the streams too", async () => {
      await store.publishPlan(fresh(), { a: allocation(1, 2) });
      await store.appendEvent({ type: "end", activationId: fresh(), atMs: 1 });
      await store.confirmWrites();
      for (const key of [REDIS_KEYS.events, REDIS_KEYS.plans, REDIS_KEYS.probe]) {
        const leftMs = await redis.pttl(key);
        assert.ok(leftMs > TTL_MS / 2 && leftMs <= TTL_MS, `${key}: ${leftMs}`);
      }
    });

    const leaseOf = (no: number) => ({
      no,
      namespace: "guest",
      decision: "d-0",
      epoch: 1,
      limits: { cpuCores: 0.5, memoryMb: 256 },
      node: "n",
    });
    const newest = async () => (await store.readEvents({ after: NEWEST_EVENT, blockMs: 0, limit: 1 })).lastId;

    it("reads events from where it stopped, waits for new ones, and skips and counts what is none", async () => {
      const after = await newest();
      const waiting = store.readEvents({ after, blockMs: 5_000, limit: 10 });
      const events: RunEvent[] = ["start", "throttled", "end"].map((type, no) => ({
        type: type as RunEvent["type"],
        activationId: fresh(),
        atMs: no,
        k: `${fresh()}:[1].0#0/[1][0]:0`,
        lease: leaseOf(no),
      }));
      await store.appendEvent(events[0] as RunEvent);
      const first = await waiting;
      assert.deepEqual([first.events, first.unreadable], [[events[0]], 0]);
      for (const text of ["{", '{"v":2}', '{"v":1,"type":"throttled"}', "x".repeat(10_000)])
        await redis.xadd(REDIS_KEYS.events, "*", "event", text);
      for (const event of events.slice(1)) await store.appendEvent(event);
      const rest = await store.readEvents({ after: first.lastId, blockMs: 1, limit: 10 });
      assert.deepEqual([rest.events, rest.unreadable], [events.slice(1), 4]);
      assert.deepEqual(await store.readEvents({ after: rest.lastId, blockMs: 1, limit: 10 }), {
        events: [],
        unreadable: 0,
        lastId: rest.lastId,
      });
      const patient = await RedisAllocationStore.connect({ url: server.url, timeoutMs: 10_000, ttlMs: TTL_MS });
      const all = await patient.readEvents({ after: OLDEST_EVENT, blockMs: 1, limit: 20_000 });
      assert.deepEqual(all.events.slice(-2), events.slice(1));
      await patient.close();
    });

    it("keeps the newest plan of every run of R for a time, and leaves out what cannot be read", async () => {
      const root = fresh();
      assert.deepEqual(await store.plans(root), {});
      await store.publishPlan(root, {});
      await store.publishPlan(root, { a: allocation(1, 2), b: allocation(2, 2) });
      await store.publishPlan(root, { a: allocation(3, 3) });
      await redis.hset(REDIS_KEYS.plan(root), "c", "{");
      assert.deepEqual(await store.plans(root), { a: allocation(3, 3), b: allocation(2, 2) });
      assert.ok((await redis.pttl(REDIS_KEYS.plan(root))) > TTL_MS / 2);
      await redis.del(REDIS_KEYS.plan(root));
      await redis.set(REDIS_KEYS.plan(root), "text");
      const before = await redis.xlen(REDIS_KEYS.plans);
      await assert.rejects(store.publishPlan(root, { a: allocation(1, 2) }), UNAVAILABLE);
      assert.ok((await redis.xlen(REDIS_KEYS.plans)) >= before, "the stream is only ever longer: plans are applied by epoch");
    });

    it("tells watchers of plans in their order, and of nothing after they have stopped", async () => {
      const heard: [string, PlanEntries][] = [];
      let gaps = 0;
      const watch = store.watchPlans({ onPlans: (root, entries) => heard.push([root, entries]), onGap: () => gaps++ });
      await eventually(() => gaps === 1, "the watch");
      const roots = Array.from({ length: 20 }, fresh);
      await redis.xadd(REDIS_KEYS.plans, "*", "plans", "{");
      for (const root of roots) await store.publishPlan(root, { a: allocation(1, 2) });
      await eventually(() => heard.length === roots.length, "the plans");
      assert.deepEqual(
        heard,
        roots.map((root) => [root, { a: allocation(1, 2) }]),
      );
      await watch.stop();
      await store.publishPlan(fresh(), { a: allocation(1, 2) });
      assert.equal(heard.length, roots.length);
    });

    it("a watcher hears of the gap when the server comes back, before any plan that follows", async () => {
      const heard: string[] = [];
      const watch = store.watchPlans({ onPlans: (root) => heard.push(root), onGap: () => heard.push("gap") });
      await eventually(() => heard.length === 1, "the watch");
      server.kill("SIGKILL");
      await eventually(() => heard.length === 2, "the gap");
      const root = fresh();
      await eventually(
        () =>
          store.publishPlan(root, { a: allocation(1, 2) }).then(
            () => true,
            () => false,
          ),
        "the plan",
      );
      await eventually(() => heard.length >= 3, "the plan's arrival");
      assert.deepEqual(heard.slice(0, 3), ["gap", "gap", root]);
      await watch.stop();
    });

    it("a killed server loses no publication that was acknowledged, and is used again by itself", async () => {
      const root = fresh();
      const acknowledged: string[] = [];
      const published = Array.from({ length: 200 }, async (_, n) => {
        await store.publish(root, { [`[${n}]`]: allocation(n + 1) });
        acknowledged.push(`[${n}]`);
        if (acknowledged.length === 100) server.kill("SIGKILL");
      });
      await Promise.allSettled(published);
      assert.ok(acknowledged.length >= 100);
      await eventually(
        () =>
          store.lookup({ root, trail: [], astPath: "[0]" }).then(
            () => true,
            () => false,
          ),
        "the store's return",
      );
      for (const astPath of acknowledged)
        assert.equal((await store.lookup({ root, trail: [], astPath })).allocation?.cpuCores, Number(astPath.slice(1, -1)) + 1, astPath);
    });

    it("every call ends within its time while the server hangs, and works again when it goes on", async () => {
      await eventually(() => server.pid(), "the server's return"); // the store may see it before its supervisor does
      server.kill("SIGSTOP");
      const id = fresh();
      try {
        const calls = [
          () => store.publish(id, { "[0]": allocation(1) }),
          () => store.lookup({ root: id, trail: [], astPath: "[0]" }),
          () => store.modes(),
          () => store.setModes(DEFAULT_MODE_SETTINGS),
          () => store.changeModes((settings) => settings),
          () => store.putObservation(observation(id)),
          () => store.observation(id),
          () => store.appendEvent({ type: "end", activationId: id, atMs: 1 }),
          () => store.readEvents({ after: OLDEST_EVENT, blockMs: 1, limit: 1 }),
          () => store.publishPlan(id, { a: allocation(1, 2) }),
          () => store.plans(id),
          () => store.confirmWrites(),
        ];
        for (const call of calls) {
          const sinceMs = performance.now();
          await assert.rejects(call, UNAVAILABLE);
          assert.ok(performance.now() - sinceMs < TIMEOUT_MS + SLACK_MS);
        }
      } finally {
        server.kill("SIGCONT");
      }
      await eventually(
        () =>
          store.modes().then(
            () => true,
            () => false,
          ),
        "the store's return",
      );
    });

    it("errors name neither password nor values", async () => {
      const stopped = await RedisAllocationStore.connect({
        url: "redis://default:geheim@127.0.0.1:1",
        timeoutMs: 50,
        ttlMs: 50,
        connectWaitMs: 10,
      });
      const sinceMs = performance.now();
      await assert.rejects(stopped.publish(fresh(), { geheim: allocation(1) }), (error: Error) => {
        assert.doesNotMatch(`${error.stack}${JSON.stringify(error)}${String(error.cause)}`, /geheim/);
        return true;
      });
      assert.ok(performance.now() - sinceMs < 50 + SLACK_MS);
      await stopped.close();
    });
  });
}
