/** The rules of belief.ts, each by an example. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Grid, type PublishedAllocation, signFields, signingKeyOf } from "@openwhisk-harvest/core";
import { believedAllocation } from "./belief.js";

const GRID: Grid = { cpuCores: { min: 0.25, max: 2, step: 0.25 }, memoryMb: { min: 128, max: 8192, step: 128 } };
const GOOD: PublishedAllocation = { v: 1, cpuCores: 0.25, memoryMb: 512, decision: "d1", namespace: "guest", epoch: 1 };
const GUEST = { namespace: "guest", stamp: "d1" };

test("an allocation that was stamped, is ours and lies on the grid is believed as it stands", () => {
  assert.equal(believedAllocation(GOOD, GUEST, GRID), GOOD);
  const { memoryMb: _absent, ...cpuOnly } = GOOD;
  assert.deepEqual(believedAllocation(cpuOnly, GUEST, GRID), cpuOnly);
});

const unbelievable: [string, PublishedAllocation | undefined, typeof GUEST | { namespace: string }][] = [
  ["belief.B1: nothing was published", undefined, GUEST],
  ["belief.B1: nothing was stamped", GOOD, { namespace: "guest" }],
  ["belief.B1: another decision was stamped", GOOD, { ...GUEST, stamp: "d2" }],
  ["belief.B2: it is for another namespace", { ...GOOD, namespace: "other" }, GUEST],
  ["belief.B3: CPU between the steps", { ...GOOD, cpuCores: 0.3 }, GUEST],
  ["belief.B3: CPU below the grid", { ...GOOD, cpuCores: 0 }, GUEST],
  ["belief.B3: CPU that is no number", { ...GOOD, cpuCores: Number.NaN }, GUEST],
  ["belief.B3: memory off the grid, though the CPU is on it", { ...GOOD, memoryMb: 130 }, GUEST],
];
for (const [why, allocation, run] of unbelievable)
  test(`not believed: ${why}`, () => {
    assert.equal(believedAllocation(allocation, run, GRID), undefined);
  });

test("belief.B4: only what was signed for this very run is believed, where there is a secret", () => {
  const key = signingKeyOf("5a".repeat(32));
  const run = { root: "a".repeat(32), trail: [], astPath: "[0]" };
  const signed = signFields(key, run.root, { "[0]": GOOD })["[0]"];
  assert.equal(believedAllocation(signed, GUEST, GRID, { key, run }), signed);
  assert.equal(believedAllocation(GOOD, GUEST, GRID, { key, run }), undefined);
  assert.equal(believedAllocation(signed && { ...signed, cpuCores: 2 }, GUEST, GRID, { key, run }), undefined);
  assert.equal(believedAllocation(signed, GUEST, GRID, { key, run: { ...run, root: "b".repeat(32) } }), undefined);
});
