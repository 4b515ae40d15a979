import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fitGrant } from "./grant.js";
import { greedyJsq } from "./greedy-jsq.js";
import { jsq } from "./jsq.js";
import type { InvokerView, PlacementRequest, PlacementState } from "./policy.js";

const step = { cpuCores: 0.25, memoryMb: 128 };
const capacity = { cpuCores: 4, memoryMb: 4096 };
const view = (id: number, over: Partial<InvokerView> = {}): InvokerView => ({
  id,
  healthy: true,
  inFlight: 0,
  free: capacity,
  capacity,
  warm: false,
  ...over,
});
const one = { cpuCores: 1, memoryMb: 256 };
const request: PlacementRequest = { activationId: "a", cause: "s", want: one, atLeast: one, conductor: false };
const placedOn = (placement: ReturnType<typeof jsq.place>) => (placement.kind === "place" ? placement.invoker : placement.kind);

const amounts = fc.record({
  cpuCores: fc.integer({ min: 0, max: 20 }).map((n) => n / 4),
  memoryMb: fc.integer({ min: 0, max: 40 }).map((n) => n * 100),
});
const requests: fc.Arbitrary<PlacementRequest> = fc.record({ want: amounts, part: amounts }).map(({ want, part }) => ({
  ...request,
  want,
  atLeast: { cpuCores: Math.min(want.cpuCores, part.cpuCores), memoryMb: Math.min(want.memoryMb, part.memoryMb) },
}));
const states: fc.Arbitrary<PlacementState> = fc
  .array(fc.record({ healthy: fc.boolean(), warm: fc.boolean(), inFlight: fc.nat(3), free: amounts }), { maxLength: 6 })
  .chain((invokers) =>
    fc.option(fc.nat(6), { nil: undefined }).map((cachedInvoker) => ({
      invokers: invokers.map((i, id) => view(id, { ...i, capacity: { cpuCores: 5, memoryMb: 4000 } })),
      step,
      ...(cachedInvoker !== undefined && { cachedInvoker }),
    })),
  );

for (const policy of [jsq, greedyJsq]) {
  test(`${policy.name}: places on a healthy invoker with room whenever there is one, and only there`, () => {
    fc.assert(
      fc.property(requests, states, (r, state) => {
        const placement = policy.place(r, state);
        const withRoom = state.invokers.filter((i) => i.healthy && fitGrant(r, i.free, step));
        assert.equal(placement.kind === "place", withRoom.length > 0);
        assert.equal(placement.candidates.length, state.invokers.length, "every invoker is in the explanation");
        if (placement.kind !== "place") return;
        const chosen = withRoom.find((i) => i.id === placement.invoker);
        assert.ok(chosen);
        for (const resource of ["cpuCores", "memoryMb"] as const) {
          assert.ok(placement.grant[resource] >= r.atLeast[resource] && placement.grant[resource] <= r.want[resource]);
          assert.ok(placement.grant[resource] <= chosen.free[resource]);
        }
        if (placement.why !== "cached") assert.equal(chosen.inFlight, Math.min(...withRoom.map((i) => i.inFlight)), "shortest queue");
      }),
      { numRuns: 5_000 },
    );
  });

  test(`${policy.name}: refuses what can never be placed, and lets the rest wait`, () => {
    const full = view(0, { free: { cpuCores: 0, memoryMb: 0 } });
    const sick = view(0, { healthy: false });
    assert.deepEqual(policy.place(request, { invokers: [full], step }).kind, "wait");
    const refusals = [
      [[], "no-healthy-invoker"],
      [[sick], "no-healthy-invoker"],
      [[full, view(1, { healthy: false, capacity: { cpuCores: 9, memoryMb: 9999 } })], "larger-than-every-invoker"],
    ] as const;
    for (const [invokers, reason] of refusals) {
      const placement = policy.place(
        { ...request, atLeast: { cpuCores: 5, memoryMb: 1 }, want: { cpuCores: 5, memoryMb: 1 } },
        { invokers, step },
      );
      assert.equal(placement.kind === "refuse" && placement.reason, reason);
    }
  });
}

test("jsq: ties go to the warm invoker, then to the lowest id", () => {
  assert.equal(placedOn(jsq.place(request, { invokers: [view(2), view(1), view(3, { warm: true })], step })), 3);
  assert.equal(placedOn(jsq.place(request, { invokers: [view(2), view(1)], step })), 1);
  assert.equal(
    placedOn(jsq.place(request, { invokers: [view(1, { inFlight: 1, warm: true }), view(2)], step })),
    2,
    "a queue outweighs warmth",
  );
});

test("greedy-jsq, lines 5 to 7: the cached invoker, however long its queue is", () => {
  const placement = greedyJsq.place(request, { invokers: [view(0), view(1, { inFlight: 9 })], step, cachedInvoker: 1 });
  assert.deepEqual([placement.kind, placedOn(placement)], ["place", 1]);
  assert.equal(placement.kind === "place" && placement.why, "cached");
});

test("greedy-jsq, lines 9 to 12: the first activation joins the shortest queue, and its invoker is cached", () => {
  const placement = greedyJsq.place(request, { invokers: [view(0, { inFlight: 1 }), view(1)], step });
  assert.ok(placement.kind === "place" && placement.invoker === 1 && placement.why === "shortest-queue" && placement.remember);
  const { cause: _, ...single } = request;
  const uncaused = greedyJsq.place(single, { invokers: [view(0)], step });
  assert.equal(uncaused.kind === "place" && uncaused.remember, false, "an activation outside of compositions caches nothing");
});

test("greedy-jsq, our difference: a cached invoker without room sends this activation away and stays cached", () => {
  const invokers = [view(0, { free: { cpuCores: 0.5, memoryMb: 4096 } }), view(1)];
  const placement = greedyJsq.place(request, { invokers, step, cachedInvoker: 0 });
  assert.ok(placement.kind === "place" && placement.invoker === 1 && placement.why === "overflow");
  assert.equal(placement.remember, false);
});

test("greedy-jsq: an unhealthy cached invoker is replaced", () => {
  const placement = greedyJsq.place(request, { invokers: [view(0, { healthy: false }), view(1)], step, cachedInvoker: 0 });
  assert.ok(placement.kind === "place" && placement.invoker === 1 && placement.remember);
});

test("grants: all that is wanted, else what is free in whole steps, never below the least", () => {
  const receiver = { want: { cpuCores: 3, memoryMb: 512 }, atLeast: { cpuCores: 1, memoryMb: 256 } };
  const table = [
    [
      { cpuCores: 4, memoryMb: 4096 },
      { cpuCores: 3, memoryMb: 512 },
    ],
    [
      { cpuCores: 2.9, memoryMb: 4096 },
      { cpuCores: 2.75, memoryMb: 512 },
    ],
    [
      { cpuCores: 1.1, memoryMb: 400 },
      { cpuCores: 1, memoryMb: 384 },
    ],
    [{ cpuCores: 0.99, memoryMb: 4096 }, undefined],
    [{ cpuCores: 4, memoryMb: 255 }, undefined],
  ] as const;
  for (const [free, expected] of table) assert.deepEqual(fitGrant(receiver, free, step), expected);
  const off = { want: { cpuCores: 1, memoryMb: 256 }, atLeast: { cpuCores: 0.9, memoryMb: 200 } };
  assert.deepEqual(
    fitGrant(off, { cpuCores: 0.95, memoryMb: 210 }, step),
    { cpuCores: 0.9, memoryMb: 200 },
    "the least may be off the grid",
  );
});
