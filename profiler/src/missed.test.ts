import assert from "node:assert/strict";
import { test } from "node:test";
import { PAPER_GRID } from "@openwhisk-harvest/core";
import fc from "fast-check";
import { isAccurate } from "./accuracy.js";
import { missOf } from "./missed.js";

const axis = PAPER_GRID.cpuCores; // 1..8 by 1

test("each reason why a prediction is not accurate", () => {
  assert.equal(missOf(axis, 2.5, 2.6), undefined);
  assert.equal(missOf(axis, 3, 3), "at-grid-edge");
  assert.equal(missOf(axis, 2.9, 3), "at-grid-edge");
  assert.equal(missOf(axis, 8.5, 8.7), "at-grid-edge");
  assert.equal(missOf(axis, 2.9, 2.5), "right-allocation");
  assert.equal(missOf(axis, 2.9, 3.5), "too-little");
  assert.equal(missOf(axis, 3.9, 2.5), "too-much");
});

test("every miss has one reason, and only a miss has", () => {
  const amount = fc.double({ min: 0, max: 10, noNaN: true });
  fc.assert(
    fc.property(amount, amount, (predicted, actual) => {
      assert.equal(missOf(axis, predicted, actual) === undefined, isAccurate(axis, predicted, actual));
    }),
  );
});
