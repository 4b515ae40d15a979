import assert from "node:assert/strict";
import { test } from "node:test";
import { PLACEMENTS } from "@openwhisk-harvest/core";
import { HandClock, settled } from "@openwhisk-harvest/testkit";
import fc from "fast-check";
import type { Acquired } from "./acquired.js";
import { Balancer } from "./balancer.js";
import { greedyJsq } from "./greedy-jsq.js";
import type { PlacerOptions } from "./placer.js";
import { placementPolicy } from "./policies.js";
import type { PlacementRequest } from "./policy.js";

const capacity = { cpuCores: 2, memoryMb: 1024 };
const one = { cpuCores: 1, memoryMb: 256 };
let count = 0;
const ask = (over: Partial<PlacementRequest> = {}): PlacementRequest => {
  const want = over.want ?? one;
  return { activationId: String(count++), want, atLeast: want, conductor: false, ...over };
};
const conductor = (memoryMb: number) => ask({ want: { cpuCores: 0, memoryMb }, conductor: true });

function machine(over: Partial<PlacerOptions> = {}): { clock: HandClock; balancer: Balancer } {
  const clock = new HandClock();
  const balancer = new Balancer({
    policy: greedyJsq,
    invokers: [{ id: 0, capacity }],
    step: { cpuCores: 0.25, memoryMb: 128 },
    conductorMemoryShare: 0.5,
    queueLength: 100,
    clock,
    ...over,
  });
  return { clock, balancer };
}

/** Whether a promise has been settled, and how. */
function watch(promise: Promise<Acquired>): { state: "waiting" | "placed" | "refused"; acquired?: Acquired; code?: string } {
  const seen: ReturnType<typeof watch> = { state: "waiting" };
  promise.then(
    (acquired) => Object.assign(seen, { state: "placed", acquired }),
    (error: { code: string }) => Object.assign(seen, { state: "refused", code: error.code }),
  );
  return seen;
}

test("waiting activations are placed in their order when permits come back, and the permits are exact (placer.B2, placer.B3)", async () => {
  const { balancer, clock } = machine();
  const first = await balancer.acquire(ask({ want: { cpuCores: 2, memoryMb: 512 } }));
  const waiting = [watch(balancer.acquire(ask())), watch(balancer.acquire(ask())), watch(balancer.acquire(ask()))];
  await settled();
  assert.deepEqual(
    waiting.map((w) => w.state),
    ["waiting", "waiting", "waiting"],
  );
  await clock.advance(400);
  first.release();
  await settled();
  assert.deepEqual(
    waiting.map((w) => w.state),
    ["placed", "placed", "waiting"],
  );
  assert.equal(waiting[0]?.acquired?.waitedMs, 400);
  waiting[0]?.acquired?.release();
  waiting[0]?.acquired?.release();
  await settled();
  assert.equal(waiting[2]?.state, "placed");
  for (const w of waiting) w.acquired?.release();
  assert.deepEqual(balancer.invokers()[0]?.free, capacity);
});

test("a small one does not overtake a large one that waits (placer.B2)", async () => {
  const { balancer } = machine();
  const holder = await balancer.acquire(ask());
  const large = watch(balancer.acquire(ask({ want: { cpuCores: 2, memoryMb: 256 } })));
  const small = watch(balancer.acquire(ask()));
  await settled();
  assert.deepEqual([large.state, small.state], ["waiting", "waiting"]);
  holder.release();
  await settled();
  assert.deepEqual([large.state, small.state], ["placed", "waiting"]);
});

test("what is called off leaves the line, and the one behind it goes on (balancer.B1)", async () => {
  const { balancer } = machine();
  await balancer.acquire(ask());
  const caller = new AbortController();
  const large = watch(balancer.acquire(ask({ want: { cpuCores: 2, memoryMb: 256 } }), { callOff: caller.signal }));
  const small = watch(balancer.acquire(ask()));
  await settled();
  assert.deepEqual([large.state, small.state], ["waiting", "waiting"]);
  caller.abort();
  await settled();
  assert.deepEqual([large.state, large.code], ["refused", "OWH_NO_INVOKER"]);
  assert.equal(small.state, "placed");
  assert.equal(balancer.waiting, 0);
  const late = watch(balancer.acquire(ask({ want: { cpuCores: 2, memoryMb: 256 } }), { callOff: caller.signal }));
  await settled();
  assert.equal(late.state, "refused", "it had been called off before it came");
});

test("conductors that wait for their share do not hold back components, and the other way round", async () => {
  const { balancer } = machine();
  const parents = [await balancer.acquire(conductor(256)), await balancer.acquire(conductor(256))];
  const branch = watch(balancer.acquire(conductor(256)));
  const component = watch(balancer.acquire(ask({ want: { cpuCores: 1, memoryMb: 512 } })));
  await settled();
  assert.deepEqual([branch.state, component.state], ["waiting", "placed"]);
  parents[0]?.release();
  await settled();
  assert.equal(branch.state, "placed");
});

test("a full line, and what no invoker could ever hold, are refused at once", async () => {
  const { balancer } = machine({ queueLength: 1 });
  assert.throws(() => balancer.enqueue(ask({ want: { cpuCores: 3, memoryMb: 1 } })), { code: "OWH_NO_INVOKER" });
  await balancer.acquire(ask({ want: capacity }));
  const waiting = watch(balancer.acquire(ask()));
  assert.throws(() => balancer.enqueue(ask()), { code: "OWH_NO_INVOKER" });
  await settled();
  assert.equal(waiting.state, "waiting");
});

test("an unhealthy invoker gets nothing, its compositions move, and its permits still come back (placer.B4)", async () => {
  const { balancer } = machine({
    invokers: [
      { id: 0, capacity },
      { id: 1, capacity },
    ],
  });
  const first = await balancer.acquire(ask({ cause: "s" }));
  assert.deepEqual([first.invoker, first.placement.why], [0, "shortest-queue"]);
  const second = await balancer.acquire(ask({ cause: "s" }));
  assert.deepEqual([second.invoker, second.placement.why], [0, "cached"]);
  balancer.setHealthy(0, false);
  const third = await balancer.acquire(ask({ cause: "s" }));
  assert.equal(third.invoker, 1);
  balancer.setHealthy(0, true);
  assert.equal((await balancer.acquire(ask({ cause: "s" }))).invoker, 1, "the composition stays where it moved");
  first.release();
  second.release();
  assert.deepEqual(balancer.invokers()[0]?.free, capacity);
  assert.throws(() => balancer.setHealthy(7, false), { code: "OWH_NOT_FOUND" });
});

test("waiting activations are refused when the last invoker becomes unhealthy, and placed when one comes back", async () => {
  const { balancer } = machine({
    invokers: [
      { id: 0, capacity },
      { id: 1, capacity: { cpuCores: 1, memoryMb: 1024 } },
    ],
  });
  await balancer.acquire(ask({ want: { cpuCores: 2, memoryMb: 256 } }));
  balancer.setHealthy(1, false);
  const waiting = watch(balancer.acquire(ask()));
  await settled();
  assert.equal(waiting.state, "waiting");
  balancer.setHealthy(1, true);
  await settled();
  assert.deepEqual([waiting.state, waiting.acquired?.invoker], ["placed", 1]);
  const late = watch(balancer.acquire(ask()));
  balancer.setHealthy(0, false);
  balancer.setHealthy(1, false);
  await settled();
  assert.deepEqual([late.state, late.code], ["refused", "OWH_NO_INVOKER"]);
});

test("an overflowing composition goes back to its invoker when there is room again", async () => {
  const { balancer } = machine({
    invokers: [
      { id: 0, capacity },
      { id: 1, capacity },
    ],
  });
  const whole = await balancer.acquire(ask({ cause: "s", want: { cpuCores: 2, memoryMb: 256 } }));
  const overflow = await balancer.acquire(ask({ cause: "s" }));
  assert.deepEqual([overflow.invoker, overflow.placement.why], [1, "overflow"]);
  whole.release();
  assert.equal((await balancer.acquire(ask({ cause: "s" }))).invoker, 0);
});

test("the warm invoker wins a tie", async () => {
  const { balancer } = machine({
    invokers: [
      { id: 0, capacity },
      { id: 1, capacity },
    ],
  });
  assert.equal((await balancer.acquire(ask(), { isWarm: (id) => id === 1 })).invoker, 1);
});

const requests = fc.record({
  cpuQuarters: fc.integer({ min: 0, max: 9 }),
  leastQuarters: fc.integer({ min: 0, max: 9 }),
  memoryMb: fc.constantFrom(128, 256, 700, 1024),
  conductor: fc.boolean(),
  cause: fc.constantFrom("s", "t", undefined),
  namespace: fc.constantFrom("guest", "other"),
  afterMs: fc.integer({ min: 0, max: 300 }),
  holdsMs: fc.integer({ min: 0, max: 1500 }),
  /** Something happens to the health of an invoker before it arrives. */
  health: fc.option(fc.record({ invoker: fc.constantFrom(0, 1), healthy: fc.boolean() }), { nil: undefined }),
});
type Drawn = typeof requests extends fc.Arbitrary<infer T> ? T : never;

function requestOf(r: Drawn): PlacementRequest {
  const want = { cpuCores: r.conductor ? 0 : r.cpuQuarters / 4, memoryMb: r.memoryMb };
  const atLeast = { ...want, cpuCores: Math.min(want.cpuCores, r.leastQuarters / 4) };
  const { namespace, conductor, cause } = r;
  return ask({ want, atLeast, namespace, conductor, action: `${namespace}/a`, ...(cause !== undefined && { cause }) });
}

for (const name of PLACEMENTS) {
  test(`${name}, balancer.B1, placer.B3, placer.B4, placer.B5: whatever comes, all that waits is placed or refused, and all permits come back`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(requests, { maxLength: 25 }), async (arrivals) => {
        const { balancer, clock } = machine({
          policy: placementPolicy(name),
          queueLength: 8,
          invokers: [
            { id: 0, capacity },
            { id: 1, capacity },
          ],
        });
        const ends: Promise<void>[] = [];
        const violations: unknown[] = [];
        for (const r of arrivals) {
          await clock.advance(r.afterMs);
          if (r.health) balancer.setHealthy(r.health.invoker, r.health.healthy);
          const request = requestOf(r);
          const hold = async (acquired: Acquired) => {
            const offered = acquired.placement.candidates.find((c) => c.invoker === acquired.invoker);
            assert.equal(offered?.healthy, true, "placer.B4");
            assert.ok(
              acquired.permits.cpuCores >= request.atLeast.cpuCores && acquired.permits.cpuCores <= request.want.cpuCores,
              "placer.B5",
            );
            assert.equal(acquired.permits.memoryMb, request.want.memoryMb, "placer.B5");
            for (const { free } of balancer.invokers()) assert.ok(free.cpuCores >= 0 && free.memoryMb >= 0, "placer.B5");
            await clock.sleep(r.holdsMs);
            acquired.release();
          };
          const refused = (error: { code?: string }) => {
            assert.equal(error.code, "OWH_NO_INVOKER");
          };
          ends.push(
            balancer
              .acquire(request)
              .then(hold, refused)
              .catch((broken: unknown) => void violations.push(broken)),
          );
        }
        for (const id of [0, 1]) balancer.setHealthy(id, true);
        await clock.advance(arrivals.length * 2_000); // as long as all of them, one after another
        assert.equal(balancer.waiting, 0, "balancer.B1");
        await Promise.all(ends);
        assert.deepEqual(violations, []);
        for (const { free, inFlight } of balancer.invokers()) assert.deepEqual([free, inFlight], [capacity, 0], "placer.B3");
        assert.equal(clock.sleeping, 0);
      }),
      { numRuns: 80 },
    );
  });
}
