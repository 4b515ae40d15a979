import assert from "node:assert/strict";
import { test } from "node:test";
import type { PlacementName } from "@openwhisk-harvest/core";
import fc from "fast-check";
import type { Acquired } from "./acquired.js";
import { Placer } from "./placer.js";
import { placementPolicy } from "./policies.js";
import type { PlacementRequest } from "./policy.js";
import type { Waiter } from "./waiting-line.js";

const capacity = { cpuCores: 2, memoryMb: 1024 };
const one = { cpuCores: 1, memoryMb: 256 };
let count = 0;
const ask = (over: Partial<PlacementRequest> = {}): PlacementRequest => {
  const want = over.want ?? one;
  return { activationId: String(count++), want, atLeast: want, conductor: false, ...over };
};

interface Told {
  state: "waiting" | "placed" | "refused";
  acquired?: Acquired;
  waiter?: Waiter<Acquired>;
}

class Bench {
  readonly placer: Placer;
  readonly order: string[] = [];

  constructor(policy: PlacementName = "greedy-jsq", invokers = 1, queueLength = 100) {
    this.placer = new Placer({
      policy: placementPolicy(policy),
      invokers: Array.from({ length: invokers }, (_, id) => ({ id, capacity })),
      step: { cpuCores: 0.25, memoryMb: 128 },
      conductorMemoryShare: 0.5,
      queueLength,
      clock: { monotonicMs: () => 0 },
    });
  }

  offer(request: PlacementRequest): Told {
    const told: Told = { state: "waiting" };
    const settle = (outcome: Acquired | Error) => {
      this.order.push(request.activationId);
      Object.assign(told, outcome instanceof Error ? { state: "refused" } : { state: "placed", acquired: outcome });
    };
    const offered = this.placer.offer({ request, isWarm: () => false, sinceMs: 0 }, settle);
    if ("release" in offered) settle(offered);
    else told.waiter = offered;
    return told;
  }
}

test("namespaces take turns, so that one with many waiting does not hold up another with one (placer.B2)", () => {
  const bench = new Bench();
  const holder = bench.offer(ask({ want: capacity }));
  const names = ["a1", "a2", "a3", "b1"];
  const waiting = new Map(
    names.map((name) => [name, bench.offer(ask({ activationId: name, namespace: name.slice(0, 1), want: capacity }))]),
  );
  bench.order.length = 0;
  holder.acquired?.release();
  for (const name of ["a1", "b1", "a2", "a3"]) {
    assert.equal(bench.order.at(-1), name);
    waiting.get(name)?.acquired?.release();
  }
});

test("exact: the line waits for NeedWork, and the first invoker to send it is taken and cached (lines 14 to 17)", () => {
  const bench = new Bench("exact", 2);
  const [first, second] = [bench.offer(ask({ want: capacity })), bench.offer(ask({ want: capacity }))];
  const waiting = bench.offer(ask({ cause: "s" }));
  assert.equal(waiting.state, "waiting");
  second.acquired?.release();
  assert.deepEqual([waiting.state, waiting.acquired?.invoker], ["placed", 1]);
  first.acquired?.release();
  assert.equal(bench.offer(ask({ cause: "s" })).acquired?.invoker, 1, "line 17: the sender has been cached");
});

test("exact: a composition waits in the queue of its own invoker, which counts as its load, and moves when that falls ill", () => {
  const bench = new Bench("exact", 2);
  const first = bench.offer(ask({ cause: "s", want: capacity }));
  const next = bench.offer(ask({ cause: "s" }));
  assert.deepEqual([first.acquired?.invoker, next.state], [0, "waiting"]);
  assert.equal(bench.placer.invokers()[0]?.inFlight, 2);
  assert.equal(bench.placer.waiting, 1);
  bench.placer.setHealthy(0, false);
  assert.deepEqual([next.state, next.acquired?.invoker], ["placed", 1]);
});

test("exact: the queue of an invoker is served in its order when permits come back, before those in the common line", () => {
  const bench = new Bench("exact", 1);
  const whole = bench.offer(ask({ cause: "s", want: capacity }));
  const queued = bench.offer(ask({ cause: "s", want: capacity }));
  const common = bench.offer(ask());
  whole.acquired?.release();
  assert.deepEqual([queued.state, queued.acquired?.placement.why, common.state], ["placed", "cached", "waiting"]);
  queued.acquired?.release();
  assert.equal(common.state, "placed");
});

test("an activation that waits at an invoker may leave, and then others go on", () => {
  const bench = new Bench("round-robin", 1);
  const holder = bench.offer(ask());
  const large = bench.offer(ask({ want: capacity }));
  const small = bench.offer(ask());
  assert.deepEqual([large.state, small.state], ["waiting", "waiting"]);
  assert.ok(large.waiter && bench.placer.leave(large.waiter));
  assert.equal(small.state, "placed");
  assert.equal(bench.placer.leave(large.waiter), false);
  holder.acquired?.release();
});

test("invokers come, and come back with another size; work that runs already keeps its permits", () => {
  const bench = new Bench("jsq", 0);
  assert.throws(() => bench.offer(ask()), { code: "OWH_NO_INVOKER" });
  bench.placer.setInvoker(7, capacity);
  const held = bench.offer(ask({ want: capacity }));
  assert.equal(held.acquired?.invoker, 7);
  bench.placer.setInvoker(7, { cpuCores: 1, memoryMb: 512 });
  assert.deepEqual(bench.placer.invokers()[0]?.free, { cpuCores: 0, memoryMb: 0 });
  held.acquired?.release();
  assert.deepEqual(bench.placer.invokers()[0]?.free, { cpuCores: 1, memoryMb: 512 });
});

test("after a restart, what runs already is adopted, even beyond the capacity, and its composition stays", () => {
  const bench = new Bench("greedy-jsq", 2);
  const adopted = [0, 1, 2].map(() => bench.placer.adopt({ request: ask({ cause: "s" }), isWarm: () => false, sinceMs: 0 }, 1));
  assert.deepEqual(bench.placer.invokers()[1]?.free, { cpuCores: 0, memoryMb: 256 });
  for (const each of adopted) each.release();
  assert.deepEqual(bench.placer.invokers()[1]?.free, capacity);
  assert.equal(bench.offer(ask({ cause: "s" })).acquired?.invoker, 1);
});

test("the explanation is of the moment of the decision", () => {
  const bench = new Bench("jsq", 2);
  const first = bench.offer(ask());
  bench.offer(ask());
  bench.placer.setHealthy(1, false);
  assert.deepEqual(first.acquired?.placement.candidates, [
    { invoker: 0, queueLength: 0, healthy: true, warm: false, permits: one },
    { invoker: 1, queueLength: 0, healthy: true, warm: false, permits: one },
  ]);
});

for (const policy of ["greedy-jsq", "exact", "greedy-rr"] as const) {
  test(`${policy}, placer.B6: the same composition goes to the same invoker while that is healthy and has room`, () => {
    const steps = fc.array(fc.record({ cause: fc.constantFrom("s", "t", "u"), release: fc.boolean(), ill: fc.constantFrom(0, 1, 2, 9) }), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(steps, (all) => {
        const bench = new Bench(policy, 3, 1000);
        const running: Acquired[] = [];
        const home = new Map<string, number>();
        for (const { cause, release, ill } of all) {
          if (release) running.shift()?.release();
          if (ill < 3) {
            bench.placer.setHealthy(ill, false);
            bench.placer.setHealthy(ill, true);
            for (const [c, invoker] of home) if (invoker === ill) home.delete(c);
          }
          const expected = home.get(cause);
          const view = bench.placer.invokers().find((i) => i.id === expected);
          const hasRoom = view !== undefined && view.free.cpuCores >= 1 && view.free.memoryMb >= 256;
          if (bench.placer.waiting > 0) continue;
          const { acquired } = bench.offer(ask({ cause }));
          if (acquired) running.push(acquired);
          if (hasRoom) assert.equal(acquired?.invoker, expected, "placer.B6");
          else if (acquired && (expected === undefined || policy !== "greedy-jsq")) home.set(cause, acquired.invoker);
        }
      }),
      { numRuns: 300 },
    );
  });
}

test("a run whose waiting conductors no invoker could hold is refused at once, with room or without (conductor-room.L2)", () => {
  const bench = new Bench("jsq", 2); // two slots of 256 MB each
  const root = (depth: number) =>
    ask({ conductor: true, want: { cpuCores: 0, memoryMb: 256 }, run: { order: 1, level: 0, isNew: true, depth } });
  assert.throws(() => bench.offer(root(2)), { code: "OWH_NO_INVOKER", message: /nested deeper than any invoker holds/ });
  assert.equal(bench.offer(root(1)).state, "placed");
  assert.throws(() => bench.offer(root(2)), { code: "OWH_NO_INVOKER" });
});
