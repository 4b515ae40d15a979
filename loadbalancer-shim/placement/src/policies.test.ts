import assert from "node:assert/strict";
import { test } from "node:test";
import { PLACEMENTS, seededRng } from "@openwhisk-harvest/core";
import fc from "fast-check";
import { candidatesOf } from "./candidates.js";
import { NO_CONDUCTORS } from "./conductor-room.js";
import { fitPermits } from "./fit.js";
import { exact, greedyJsq } from "./greedy-jsq.js";
import { hashPlacement, javaHash, pairwiseCoprimeNumbersUntil } from "./hash-placement.js";
import { jsq } from "./jsq.js";
import { placementPolicy } from "./policies.js";
import type { InvokerView, Placement, PlacementPolicy, PlacementRequest, PlacementState } from "./policy.js";
import { greedyRr, roundRobin } from "./round-robin.js";

const step = { cpuCores: 0.25, memoryMb: 128 };
const capacity = { cpuCores: 4, memoryMb: 4096 };
const nothing = { cpuCores: 0, memoryMb: 0 };
const view = (id: number, over: Partial<InvokerView> = {}): InvokerView => ({
  id,
  healthy: true,
  inFlight: 0,
  free: capacity,
  capacity,
  forConductors: {
    free: { cpuCores: 4, memoryMb: 2048 },
    capacity: { cpuCores: 4, memoryMb: 2048 },
    held: NO_CONDUCTORS,
    leavesRoom: false,
  },
  ...over,
});
const stateOf = (invokers: readonly InvokerView[], over: Partial<PlacementState> = {}): PlacementState => ({
  invokers,
  step,
  isWarm: () => false,
  ...over,
});
const one = { cpuCores: 1, memoryMb: 256 };
const request: PlacementRequest = {
  activationId: "a",
  cause: "s",
  namespace: "guest",
  action: "guest/hello",
  want: one,
  atLeast: one,
  conductor: false,
};
const placedOn = (placement: Placement) => (placement.kind === "place" ? placement.invoker : placement.kind);
const told = (placement: Placement) =>
  placement.kind === "place" || placement.kind === "queue"
    ? [placement.kind, placement.invoker, placement.why, placement.remember]
    : [placement];

const amounts = fc.record({
  cpuCores: fc.integer({ min: 0, max: 20 }).map((n) => n / 4),
  memoryMb: fc.integer({ min: 0, max: 40 }).map((n) => n * 100),
});
const requests: fc.Arbitrary<PlacementRequest> = fc
  .record({ want: amounts, part: amounts, conductor: fc.boolean(), action: fc.constantFrom("guest/a", "guest/b") })
  .map(({ want, part, conductor, action }) => ({
    ...request,
    action,
    conductor,
    want,
    atLeast: { cpuCores: Math.min(want.cpuCores, part.cpuCores), memoryMb: Math.min(want.memoryMb, part.memoryMb) },
  }));
const largest = { cpuCores: 5, memoryMb: 4000 };
const states: fc.Arbitrary<PlacementState> = fc
  .array(fc.record({ healthy: fc.boolean(), warm: fc.boolean(), inFlight: fc.nat(3), free: amounts }), { maxLength: 6 })
  .chain((drawn) =>
    fc.record({ cached: fc.option(fc.nat(6), { nil: undefined }), previousTurn: fc.option(fc.nat(6), { nil: undefined }) }).map((past) => {
      const invokers = drawn.map((i, id) =>
        view(id, { ...i, capacity: largest, forConductors: { free: i.free, capacity: largest, held: NO_CONDUCTORS, leavesRoom: false } }),
      );
      const cached = past.cached === undefined ? undefined : invokers[past.cached];
      return stateOf(invokers, {
        isWarm: (id) => drawn[id]?.warm === true,
        ...(cached && { cached }),
        ...(past.previousTurn !== undefined && { previousTurn: past.previousTurn }),
      });
    }),
  );

for (const name of PLACEMENTS) {
  const policy = placementPolicy(name);
  test(`${name}: only a healthy invoker, with room when it is to start at once, and a refusal exactly when waiting is in vain`, () => {
    assert.equal(policy.name, name);
    fc.assert(
      fc.property(requests, states, (r, state) => {
        const placement = policy.place(r, state);
        const usable = state.invokers.filter((i) => i.healthy);
        const fitting = usable.filter((i) => r.atLeast.cpuCores <= i.capacity.cpuCores && r.atLeast.memoryMb <= i.capacity.memoryMb);
        if (placement.kind === "refuse") {
          assert.equal(placement.reason, usable.length === 0 ? "no-healthy-invoker" : "larger-than-every-invoker");
          assert.equal(fitting.length, 0);
        } else if (placement.kind === "wait") assert.ok(fitting.length > 0);
        else {
          const chosen = usable.find((i) => i.id === placement.invoker);
          assert.ok(chosen, "healthy");
          if (placement.kind === "queue") assert.equal(fitPermits(r, chosen.free, step), undefined, "only one that finds no room queues");
          else assertPermits(r, placement.permits, chosen);
        }
        const lines = candidatesOf(r, state);
        assert.equal(lines.length, state.invokers.length, "every invoker is in the explanation");
      }),
      { numRuns: 2_000 },
    );
  });
}

function assertPermits(r: PlacementRequest, permits: typeof one, chosen: InvokerView): void {
  for (const resource of ["cpuCores", "memoryMb"] as const) {
    assert.ok(permits[resource] >= r.atLeast[resource] && permits[resource] <= r.want[resource]);
    assert.ok(permits[resource] <= chosen.free[resource]);
  }
}

for (const policy of [jsq, greedyJsq, exact] satisfies PlacementPolicy[]) {
  test(`${policy.name}: places whenever there is room, and on the shortest queue unless the composition is elsewhere`, () => {
    fc.assert(
      fc.property(requests, states, (r, state) => {
        const placement = policy.place(r, state);
        const withRoom = state.invokers.filter((i) => i.healthy && fitPermits(r, i.free, step));
        if (placement.kind !== "queue") assert.equal(placement.kind === "place", withRoom.length > 0);
        if (placement.kind !== "place" || placement.why === "cached") return;
        const shortest = Math.min(...withRoom.map((i) => i.inFlight));
        const ties = withRoom.filter((i) => i.inFlight === shortest);
        const best = ties.find((i) => state.isWarm(i.id)) ?? ties[0];
        assert.equal(placement.invoker, best?.id, "shortest queue, then warm, then the lowest id");
      }),
      { numRuns: 2_000 },
    );
  });
}

test("jsq: ties go to the warm invoker, then to the lowest id, and a queue outweighs warmth", () => {
  const warm3 = { isWarm: (id: number) => id === 3 };
  assert.equal(placedOn(jsq.place(request, stateOf([view(1), view(2), view(3)], warm3))), 3);
  assert.equal(placedOn(jsq.place(request, stateOf([view(1), view(2)]))), 1);
  assert.equal(placedOn(jsq.place(request, stateOf([view(2), view(3, { inFlight: 1 })], warm3))), 2);
});

test("Algorithm 2, lines 5 to 7: the cached invoker, however long its queue is", () => {
  const cached = view(1, { inFlight: 9 });
  for (const policy of [exact, greedyJsq])
    assert.deepEqual(told(policy.place(request, stateOf([view(0), cached], { cached }))), ["place", 1, "cached", true]);
});

test("Algorithm 2, lines 9 to 12: the first activation joins the shortest queue, and its invoker is cached", () => {
  const { cause: _, ...single } = request;
  for (const policy of [exact, greedyJsq]) {
    assert.deepEqual(told(policy.place(request, stateOf([view(0, { inFlight: 1 }), view(1)]))), ["place", 1, "shortest-queue", true]);
    assert.deepEqual(told(policy.place(single, stateOf([view(0)]))), ["place", 0, "shortest-queue", false], "nothing to cache it under");
    const sick = view(0, { healthy: false });
    assert.deepEqual(told(policy.place(request, stateOf([sick, view(1)], { cached: sick }))), ["place", 1, "shortest-queue", true]);
    const full = view(0, { free: nothing });
    assert.deepEqual(policy.place(request, stateOf([full])), { kind: "wait" }, "line 14");
    assert.deepEqual(policy.place(request, stateOf([sick])), { kind: "refuse", reason: "no-healthy-invoker" }, "line 20");
  }
});

test("the one difference: a cached invoker without room keeps its composition, exact waits there, ours overflows", () => {
  const cached = view(0, { free: { cpuCores: 0.5, memoryMb: 4096 } });
  assert.deepEqual(told(exact.place(request, stateOf([cached, view(1)], { cached }))), ["queue", 0, "cached", true]);
  assert.deepEqual(told(greedyJsq.place(request, stateOf([cached, view(1)], { cached }))), ["place", 1, "overflow", false]);
});

test("round robin goes through the healthy invokers in a cycle, whatever their load, and caches nothing", () => {
  const invokers = [view(1, { inFlight: 9 }), view(2, { healthy: false }), view(5, { free: nothing }), view(7)];
  const turn = (previousTurn?: number) =>
    told(roundRobin.place(request, stateOf(invokers, previousTurn === undefined ? {} : { previousTurn })));
  assert.deepEqual(turn(), ["place", 1, "next-in-turn", false]);
  assert.deepEqual(turn(1), ["queue", 5, "next-in-turn", false]);
  assert.deepEqual(turn(5), ["place", 7, "next-in-turn", false]);
  assert.deepEqual(turn(7), ["place", 1, "next-in-turn", false]);
});

test("GreedyRR: round robin for the first function, then the same invoker", () => {
  const [first, second] = [view(1), view(2)];
  assert.deepEqual(told(greedyRr.place(request, stateOf([first, second], { previousTurn: 1 }))), ["place", 2, "next-in-turn", true]);
  assert.deepEqual(told(greedyRr.place(request, stateOf([first, second], { cached: first, previousTurn: 1 }))), [
    "place",
    1,
    "cached",
    true,
  ]);
});

test("hash placement: Java's hash, pairwise coprime steps, and the walk from the home invoker", () => {
  assert.equal(javaHash("guest/hello"), 86_723_035);
  assert.deepEqual(pairwiseCoprimeNumbersUntil(10), [1, 3, 7]);
  assert.deepEqual(pairwiseCoprimeNumbersUntil(9), [1, 2, 5, 7]);
  const hash = Math.abs(javaHash("guest") ^ javaHash("guest/hello"));
  const policy = hashPlacement(seededRng(1));
  const home = hash % 10;
  const stride = [1, 3, 7][hash % 3] as number;
  const all = Array.from({ length: 10 }, (_, id) => view(id));
  const without = (...full: number[]) => stateOf(all.map((i) => (full.includes(i.id) ? view(i.id, { free: nothing }) : i)));
  const at = (steps: number) => (home + steps * stride) % 10;
  assert.deepEqual(told(policy.place(request, without())), ["place", home, "home", false]);
  assert.deepEqual(told(policy.place(request, without(home))), ["place", at(1), "stepped", false]);
  assert.deepEqual(told(policy.place(request, without(home, at(1), at(2)))), ["place", at(3), "stepped", false]);
  const [kind, , why] = told(policy.place(request, without(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)));
  assert.deepEqual([kind, why], ["queue", "overloaded"]);
});

test("permits: all that is wanted, else what is free in whole steps, never below the least", () => {
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
  for (const [free, expected] of table) assert.deepEqual(fitPermits(receiver, free, step), expected);
  const off = { want: { cpuCores: 1, memoryMb: 256 }, atLeast: { cpuCores: 0.9, memoryMb: 200 } };
  assert.deepEqual(
    fitPermits(off, { cpuCores: 0.95, memoryMb: 210 }, step),
    { cpuCores: 0.9, memoryMb: 200 },
    "the least may be off the grid",
  );
});
