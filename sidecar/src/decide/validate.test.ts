import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PAPER_GRID } from "@openwhisk-harvest/core";
import { validateSplit } from "./validate.js";

const cpu = PAPER_GRID.cpuCores;
const quarters = { min: 0.25, max: 2, step: 0.25 };

describe("the Harvesting Validator", () => {
  it("lets pass what keeps to the budget and the grid", () => {
    validateSplit(cpu, [2, 2], [3, 1]);
    validateSplit(cpu, [2.5, 2], [3, 1]);
    validateSplit({ min: 0.1, max: 1, step: 0.1 }, [0.1, 0.2], [0.2, 0.1]);
  });

  it("H1: refuses what exceeds the budget, however little", () => {
    assert.throws(() => validateSplit(cpu, [2, 2], [4, 1]), { code: "OWH_BAD_ALLOCATION", message: /H1: 5 exceeds the budget of 4/ });
    assert.throws(() => validateSplit(quarters, [0.499999, 0.5], [0.5, 0.5]), /H1/);
  });

  it("H2: refuses what is off the grid, or no number", () => {
    for (const amount of [0, 0.5, 1.5, 9, -1, Number.NaN, Number.POSITIVE_INFINITY])
      assert.throws(() => validateSplit(cpu, [8, 8], [amount, 1]), /H2/, String(amount));
  });

  it("refuses a split for another number of functions", () => {
    assert.throws(() => validateSplit(cpu, [2, 2], [1]), /1 amounts for 2 functions/);
    assert.throws(() => validateSplit(cpu, [2, 2], [1, 1, 1]), /3 amounts for 2 functions/);
  });
});
