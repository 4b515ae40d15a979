import assert from "node:assert/strict";
import { test } from "node:test";
import { PLACEMENTS, seededRng } from "@openwhisk-harvest/core";
import { placementPolicy } from "./policies.js";
import { drawArrivals, type SimulationResult, simulate } from "./simulation.js";

const invokers = Array.from({ length: 4 }, (_, id) => ({ id, capacity: { cpuCores: 4, memoryMb: 4096 } }));
const arrivals = drawArrivals(seededRng(7), 400, 15);
const results = new Map(
  PLACEMENTS.map((name): [string, SimulationResult] => [
    name,
    simulate({ policy: placementPolicy(name), arrivals, invokers, transferMs: 30, queueLength: 10_000 }),
  ]),
);
const of = (name: (typeof PLACEMENTS)[number]) => results.get(name) as SimulationResult;

test("side by side on one recorded sequence, every policy completes every composition", () => {
  for (const { completed, refused, completionMs } of results.values()) {
    assert.deepEqual([completed, refused], [400, 0]);
    assert.ok((completionMs[0] ?? 0) >= 40 + 50 + 60, "no run is faster than its functions");
  }
});

test("exact and GreedyRR never leave the invoker of a composition, our default almost never, the others do", () => {
  assert.equal(of("exact").colocated, 1);
  assert.equal(of("greedy-rr").colocated, 1);
  assert.ok(of("greedy-jsq").colocated > 0.8, `${of("greedy-jsq").colocated}`);
  for (const name of ["jsq", "round-robin", "hash"] as const) assert.ok(of(name).colocated < of("greedy-jsq").colocated, name);
});

test("the same sequence gives the same result again", () => {
  const again = simulate({ policy: placementPolicy("greedy-jsq"), arrivals, invokers, transferMs: 30, queueLength: 10_000 });
  assert.deepEqual(again, of("greedy-jsq"));
});
