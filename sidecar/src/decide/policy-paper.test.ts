import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type GridAxis, PAPER_GRID } from "@openwhisk-harvest/core";
import { splitAsPaper } from "./policy-paper.js";

const split = (axis: GridAxis, users: readonly number[], demands: readonly number[]) =>
  splitAsPaper({
    axis,
    budget: users.reduce((sum, user) => sum + user, 0),
    sharers: users.map((user, i) => ({ user, demand: demands[i] as number, workCoreMs: 0, workPerTree: new Float64Array(1) })),
  });

describe("policy paper", () => {
  const cpu = PAPER_GRID.cpuCores;

  it("decides the paper's examples as the paper does", () => {
    assert.deepEqual(split(cpu, [2, 2], [3, 1]), { accepted: true, reason: "fits-budget", amounts: [3, 1] });
    assert.deepEqual(split(cpu, [2, 2], [5, 1]), { accepted: false, reason: "exceeds-budget" });
    assert.deepEqual(split(cpu, [2, 2], [6, 2]), { accepted: true, reason: "ratio-split", amounts: [3, 1] });
  });

  it("leaves what no function demands unused", () => {
    assert.deepEqual(split(cpu, [4, 4], [3, 1]), { accepted: true, reason: "fits-budget", amounts: [3, 1] });
  });

  it("splits by ratio on any grid, and gives the exact allocations of the grid", () => {
    const tenths = { min: 0.1, max: 2, step: 0.1 };
    assert.deepEqual(split(tenths, [0.2, 0.1], [0.4, 0.2]), { accepted: false, reason: "no-change" });
    assert.deepEqual(split(tenths, [0.1, 0.2], [0.4, 0.2]), { accepted: true, reason: "ratio-split", amounts: [0.2, 0.1] });
    assert.deepEqual(split(PAPER_GRID.memoryMb, [512, 512], [1536, 512]), { accepted: true, reason: "ratio-split", amounts: [768, 256] });
  });

  it("refuses a ratio with a share below the minimum, even if it is a whole number of steps", () => {
    const fromTwo = { min: 2, max: 8, step: 1 };
    assert.deepEqual(split(fromTwo, [2, 2], [6, 2]), { accepted: false, reason: "exceeds-budget" });
  });

  it("says why else nothing changes", () => {
    assert.deepEqual(split(cpu, [3, 1], [3, 1]), { accepted: false, reason: "no-change" });
    assert.deepEqual(split(cpu, [3, 1], [6, 2]), { accepted: false, reason: "no-change" });
    assert.deepEqual(split(cpu, [0.5, 1], [1, 1]), { accepted: false, reason: "budget-below-minimum" });
  });
});
