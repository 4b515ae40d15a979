/** The rules of pool-schedule.ts and container-pool.ts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { HandClock } from "@openwhisk-harvest/testkit";
import fc from "fast-check";
import type { Container } from "../container/driver.js";
import { ContainerPool, type ContainerRequest, type Lease } from "./container-pool.js";
import { type PoolEntry, type PoolView, schedule } from "./pool-schedule.js";

const KEYS = ["a", "b", "c"];
const entries = fc
  .array(
    fc.record({
      key: fc.constantFrom(...KEYS),
      memoryMb: fc.constantFrom(128, 256, 512),
      idleSinceMs: fc.option(fc.nat({ max: 5 }), { nil: undefined }),
    }),
    { maxLength: 8 },
  )
  .map((list) =>
    list.map(({ idleSinceMs, ...rest }, id): PoolEntry => (idleSinceMs === undefined ? { id, ...rest } : { id, ...rest, idleSinceMs })),
  );
const sum = (list: readonly PoolEntry[]) => list.reduce((total, entry) => total + entry.memoryMb, 0);

test("the rules of pool-schedule.ts hold for every pool and every request", () => {
  const slack = fc.constantFrom(0, 128, 256, 1024);
  fc.assert(
    fc.property(entries, slack, fc.constantFrom(...KEYS), fc.constantFrom(128, 256, 640, 4096), (containers, slackMb, key, memoryMb) => {
      const view: PoolView = { capacityMb: sum(containers) + slackMb, containers };
      const decision = schedule(view, { key, memoryMb });
      const idle = containers.filter((entry) => entry.idleSinceMs !== undefined);
      const warm = idle.filter((entry) => entry.key === key);
      const busyMb = sum(containers) - sum(idle);
      if (decision.kind === "refuse") return assert.ok(memoryMb > view.capacityMb); // pool-schedule.P4
      if (decision.kind === "wait") return assert.ok(busyMb + memoryMb > view.capacityMb); // pool-schedule.P4: all idle memory would not do
      const leaving = decision.evict.map((id) => containers.find((entry) => entry.id === id) as PoolEntry);
      const served = decision.kind === "warm" ? containers.filter((entry) => entry.id === decision.id) : [];
      assert.equal(decision.kind === "warm", warm.length > 0); // pool-schedule.P1
      for (const other of warm) assert.ok((served[0]?.idleSinceMs ?? 0) >= (other.idleSinceMs ?? 0)); // pool-schedule.P1
      assert.ok(leaving.every((entry) => entry.idleSinceMs !== undefined && !served.includes(entry))); // pool-schedule.P4
      const afterMb = sum(containers) - sum(served) - sum(leaving) + memoryMb;
      assert.ok(afterMb <= view.capacityMb); // pool-schedule.P3
      const last = leaving.at(-1);
      if (last) assert.ok(afterMb + last.memoryMb > view.capacityMb); // pool-schedule.P2: the last one was needed, too
      const oldestKept = Math.min(
        ...idle.filter((entry) => !leaving.includes(entry) && !served.includes(entry)).map((entry) => entry.idleSinceMs ?? 0),
      );
      assert.ok(leaving.every((entry) => (entry.idleSinceMs ?? 0) <= oldestKept)); // pool-schedule.P2
    }),
    { numRuns: 3_000 },
  );
});

/** Stands for the host: containers exist from `start` until `destroy` has finished, and their memory is counted. */
class Host {
  readonly living = new Map<string, number>();
  readonly events: string[] = [];
  peakMb = 0;

  request(key: string, memoryMb: number, more: Partial<ContainerRequest> = {}): ContainerRequest {
    return { key, memoryMb, idleMemoryMb: memoryMb, start: async () => this.#start(key, memoryMb), ...more };
  }

  async #start(key: string, memoryMb: number): Promise<Container> {
    const name = `${key}${this.events.length}`;
    this.living.set(name, memoryMb);
    this.peakMb = Math.max(
      this.peakMb,
      [...this.living.values()].reduce((a, b) => a + b, 0),
    );
    this.events.push(`start ${key}`);
    await setImmediate();
    const container = {
      name,
      alive: true,
      kill: async () => void this.events.push(`kill ${key}`),
      destroy: async () => {
        container.alive = false;
        await setImmediate();
        if (this.living.delete(name)) this.events.push(`destroy ${key}`);
      },
    };
    return container as Container;
  }
}

function poolOf(capacityMb: number) {
  const clock = new HandClock();
  const host = new Host();
  return { clock, host, pool: new ContainerPool({ capacityMb, idleContainerMs: 1_000, clock }) };
}

test("a container is reused by its own key only, and container-pool.C1: never while it is busy", async () => {
  const { host, pool } = poolOf(1024);
  const first = await pool.acquire(host.request("a", 256));
  assert.deepEqual([first.cold, pool.hasIdle("a")], [true, false]);
  const beside = await pool.acquire(host.request("a", 256));
  assert.equal(beside.cold, true);
  first.release(true);
  assert.deepEqual([pool.hasIdle("a"), pool.hasIdle("b")], [true, false]);
  const again = await pool.acquire(host.request("a", 256));
  assert.deepEqual([again.cold, again.container === first.container], [false, true]);
  assert.equal((await pool.acquire(host.request("b", 256))).cold, true);
});

test("container-pool.C2: what makes room is gone before its successor starts", async () => {
  const { clock, host, pool } = poolOf(512);
  for (const key of ["a", "b"]) {
    (await pool.acquire(host.request(key, 256))).release(true);
    await clock.advance(1);
  }
  const lease = await pool.acquire(host.request("c", 256));
  assert.deepEqual(host.events, ["start a", "start b", "destroy a", "start c"]);
  assert.equal(host.peakMb, 512);
  lease.release(false);
  await setImmediate();
  await setImmediate();
  assert.deepEqual(host.events.at(-1), "destroy c");
});

test("container-pool.C4: what does not fit waits, in order, until a container leaves", async () => {
  const { host, pool } = poolOf(512);
  const big = await pool.acquire(host.request("big", 512));
  const order: string[] = [];
  const waiting = ["x", "y"].map((key) =>
    pool.acquire(host.request(key, 512)).then((lease) => {
      order.push(key);
      return lease;
    }),
  );
  await setImmediate();
  assert.deepEqual(order, []);
  big.release(true);
  (await waiting[0])?.release(true);
  (await waiting[1])?.release(true);
  assert.deepEqual(order, ["x", "y"]);
  assert.equal(host.peakMb, 512);
});

test("what is larger than the pool is refused at once", async () => {
  const { host, pool } = poolOf(512);
  await assert.rejects(pool.acquire(host.request("a", 513)), { code: "OWH_NO_INVOKER" });
});

test("a container that failed to start gives its memory back", async () => {
  const { host, pool } = poolOf(256);
  const failing = host.request("a", 256, { start: () => Promise.reject(new Error("no")) });
  await assert.rejects(pool.acquire(failing), /no/);
  assert.equal((await pool.acquire(host.request("b", 256))).cold, true);
});

test("an idle container is charged its idle memory and, after idleContainerMs, destroyed", async () => {
  const { clock, host, pool } = poolOf(512);
  const grown = await pool.acquire({ ...host.request("a", 512), idleMemoryMb: 256 });
  grown.release(true);
  const beside = await pool.acquire(host.request("b", 256));
  assert.deepEqual(host.events, ["start a", "start b"]);
  beside.release(true);
  await clock.advance(999);
  const warm = await pool.acquire(host.request("b", 256));
  assert.equal(warm.cold, false);
  await clock.advance(1);
  await setImmediate();
  assert.deepEqual([host.events.at(-1), pool.hasIdle("a")], ["destroy a", false]);
  await clock.advance(5_000);
  assert.equal(host.living.size, 1, "a busy container does not grow too old");
  warm.release(true);
});

test("a container that died while idle is not handed out", async () => {
  const { host, pool } = poolOf(512);
  const lease = await pool.acquire(host.request("a", 256));
  lease.release(true);
  await lease.container.destroy();
  assert.equal(pool.hasIdle("a"), false);
  assert.equal((await pool.acquire(host.request("a", 256))).cold, true);
});

test("a closed pool destroys what is idle, kills what is busy, refuses what waits, and keeps nothing that is released", async () => {
  const { host, pool } = poolOf(512);
  const busy = await pool.acquire(host.request("a", 256));
  (await pool.acquire(host.request("b", 256))).release(true);
  const waiting = assert.rejects(pool.acquire(host.request("c", 512)), { code: "OWH_NO_INVOKER" });
  await pool.close();
  await waiting;
  assert.deepEqual([...host.living.values()], [256]);
  assert.deepEqual(
    host.events.filter((event) => event.startsWith("kill")),
    ["kill a"],
  );
  busy.release(true);
  await setImmediate();
  await setImmediate();
  assert.equal(host.living.size, 0);
});

test("pool-schedule.P3 and container-pool.C1 hold on the host under any order of requests and releases", async () => {
  const step = fc.record({
    key: fc.constantFrom(...KEYS),
    memoryMb: fc.constantFrom(128, 256, 512),
    keep: fc.boolean(),
    release: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const { clock, host, pool } = poolOf(768);
      const held: { lease: Lease; keep: boolean }[] = [];
      const all = steps.map(async ({ key, memoryMb, keep, release }) => {
        const lease = await pool.acquire(host.request(`${key}${memoryMb}`, memoryMb));
        assert.ok(!held.some((other) => other.lease.container === lease.container)); // container-pool.C1
        held.push({ lease, keep });
        if (release) free();
      });
      const free = () => {
        const [first] = held.splice(0, 1);
        first?.lease.release(first.keep);
      };
      let done = false;
      const ended = Promise.all(all).then(() => {
        done = true;
      });
      for (let turns = 0; !done; turns++) {
        assert.ok(turns < 2_000, "all are served in the end (container-pool.C4)");
        free();
        await clock.advance(1);
      }
      await ended;
      assert.ok(host.peakMb <= 768); // pool-schedule.P3
    }),
    { numRuns: 500, includeErrorInReport: true },
  );
});

/** Containers that can be paused; `broken` says what fails. */
function pausing(host: Host, key: string, broken: { pause?: boolean; resume?: boolean } = {}): ContainerRequest {
  const plain = host.request(key, 256);
  const step = async (what: "pause" | "resume") => {
    host.events.push(`${what} ${key}`);
    if (broken[what]) throw new Error(`cannot ${what}`);
  };
  return { ...plain, start: async () => Object.assign(await plain.start(), { pause: () => step("pause"), resume: () => step("resume") }) };
}

test("container-pool.C5: an idle container is paused after the grace and resumed for its next activation; one that is wanted before is not", async () => {
  const clock = new HandClock();
  const host = new Host();
  const pool = new ContainerPool({ capacityMb: 512, idleContainerMs: 1_000, pauseGraceMs: 100, clock });
  (await pool.acquire(pausing(host, "a"))).release(true);
  await clock.advance(99);
  const early = await pool.acquire(pausing(host, "a"));
  await clock.advance(50);
  early.release(true);
  await clock.advance(99);
  assert.deepEqual(host.events, ["start a"]);
  await clock.advance(1);
  const late = await pool.acquire(pausing(host, "a"));
  assert.deepEqual([late.cold, late.container === early.container], [false, true]);
  assert.deepEqual(host.events, ["start a", "pause a", "resume a"]);
  late.release(true);
  await clock.advance(100);
  await clock.advance(900);
  await setImmediate();
  assert.deepEqual(host.events.slice(3), ["pause a", "destroy a"], "a paused one grows old, too");
});

test("container-pool.C5: a container's own grace comes before the pool's", async () => {
  const clock = new HandClock();
  const host = new Host();
  const pool = new ContainerPool({ capacityMb: 512, idleContainerMs: 1_000, pauseGraceMs: 100, clock });
  const request = pausing(host, "a");
  const start = async () => Object.assign(await request.start(), { pauseGraceMs: 20 });
  (await pool.acquire({ ...request, start })).release(true);
  await clock.advance(19);
  assert.deepEqual(host.events, ["start a"]);
  await clock.advance(1);
  assert.deepEqual(host.events, ["start a", "pause a"]);
});

for (const broken of [{ pause: true }, { resume: true }])
  test(`container-pool.C5: a container that cannot ${Object.keys(broken)[0]} is replaced by a cold one, within the same memory`, async () => {
    const clock = new HandClock();
    const host = new Host();
    const pool = new ContainerPool({ capacityMb: 256, idleContainerMs: 1_000, pauseGraceMs: 100, clock });
    const first = await pool.acquire(pausing(host, "a", broken));
    first.release(true);
    await clock.advance(100);
    const second = await pool.acquire(pausing(host, "a"));
    assert.deepEqual([second.cold, second.container === first.container, first.container.alive], [true, false, false]);
    assert.equal(host.peakMb, 256);
    second.release(true);
    assert.equal((await pool.acquire(pausing(host, "a"))).container, second.container);
  });
