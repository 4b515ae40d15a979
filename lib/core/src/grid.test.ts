import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { atIndex, ceilToGrid, floorToGrid, type GridAxis, gridForHost, isOnGrid, lastIndex, PAPER_GRID, wholeSteps } from "./grid.js";

const axes = fc
  .record({
    min: fc.integer({ min: 1, max: 64 }),
    steps: fc.integer({ min: 0, max: 100 }),
    step: fc.constantFrom(0.1, 0.125, 0.25, 1, 128),
  })
  .map(({ min, steps, step }): GridAxis => ({ min: min * step, step, max: min * step + steps * step }));

describe("grid", () => {
  it("rounds as the paper's examples do: 2.78 -> 3 cores, 234.32 -> 256 MB", () => {
    assert.equal(ceilToGrid(PAPER_GRID.cpuCores, 2.78), 3);
    assert.equal(ceilToGrid(PAPER_GRID.memoryMb, 234.32), 256);
  });

  it("leaves amounts on the grid alone, and clamps what lies outside", () => {
    assert.equal(ceilToGrid(PAPER_GRID.cpuCores, 3), 3);
    assert.equal(ceilToGrid(PAPER_GRID.cpuCores, 0.2), 1);
    assert.equal(ceilToGrid(PAPER_GRID.cpuCores, 99), 8);
    assert.equal(floorToGrid(PAPER_GRID.cpuCores, 0.9), undefined);
    assert.equal(floorToGrid(PAPER_GRID.cpuCores, 7.99), 7);
  });

  it("does not take three steps of 0.1 for a little more than 0.3", () => {
    const axis = { min: 0.1, max: 1, step: 0.1 };
    assert.equal(ceilToGrid(axis, 0.1 + 0.2), 0.3);
    assert.equal(wholeSteps(axis, 0.1 + 0.2), 3);
    assert.equal(wholeSteps(axis, 0.25), undefined);
  });

  it("refuses demands that are no numbers", () => {
    for (const demand of [Number.NaN, Number.POSITIVE_INFINITY])
      assert.throws(() => ceilToGrid(PAPER_GRID.cpuCores, demand), { code: "OWH_BAD_ALLOCATION" });
  });

  it("gives hosts below 8 cores a grid of quarter cores", () => {
    assert.deepEqual(gridForHost(2).cpuCores, { min: 0.25, max: 2, step: 0.25 });
    assert.deepEqual(gridForHost(8), PAPER_GRID);
  });

  it("H2: ceiling and floor lie on the grid, enclose the demand, and are neighbours", () => {
    fc.assert(
      fc.property(axes, fc.double({ min: 0, max: 1.2, noNaN: true }), (axis, share) => {
        const demand = axis.min + (axis.max - axis.min) * share;
        const up = ceilToGrid(axis, demand);
        const down = floorToGrid(axis, demand);
        assert.ok(isOnGrid(axis, up));
        assert.ok(down !== undefined && isOnGrid(axis, down));
        if (demand <= axis.max) assert.ok(up >= demand - 1e-6 * axis.step && down <= demand + 1e-6 * axis.step);
        assert.ok(up - down <= axis.step * (1 + 1e-6));
      }),
      { numRuns: 2000 },
    );
  });

  it("has every point between its first and its last on the grid", () => {
    fc.assert(
      fc.property(axes, (axis) => {
        for (let k = 0; k <= lastIndex(axis); k++) assert.ok(isOnGrid(axis, atIndex(axis, k)));
        assert.ok(!isOnGrid(axis, axis.max + axis.step));
        assert.ok(!isOnGrid(axis, axis.min - axis.step));
        assert.ok(!isOnGrid(axis, axis.min + axis.step / 2));
      }),
    );
  });
});
