import assert from "node:assert/strict";
import { test } from "node:test";
import { cpuDemandCores } from "./cpu-demand.js";
import { idOf, observationOf } from "./run-fixture.kit.js";

const demand = (durationMs: number, cpuTimeMs: number, cpuPeakCores: number) =>
  cpuDemandCores(observationOf(idOf("a"), "k", { durationMs, cpuTimeMs, cpuPeakCores }));

test("a run shorter than a CFS period needs its CPU time over the period, whatever its rate was", () => {
  assert.equal(demand(3, 1.5, 0.5), 0.015);
  assert.equal(demand(50, 80, 1.6), 0.8);
  assert.equal(demand(75, 75, 1), 0.75);
});

test("a longer one needs its peak", () => {
  assert.equal(demand(100, 80, 0.8), 0.8);
  assert.equal(demand(5_000, 2_000, 1.7), 1.7);
});

test("never more than what was seen", () => {
  assert.equal(demand(90, 40, 0.3), 0.3);
});
