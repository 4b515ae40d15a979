import assert from "node:assert/strict";
import { test } from "node:test";
import { enteredForest, type FlatForest, meanOf, predictTrees, seededRng, stepForestOf, stepMean } from "@openwhisk-harvest/core";
import fc from "fast-check";
import { cartTrainer } from "./train/cart.js";
import { trainPerFunction } from "./train/per-function.js";
import type { TrainingRows } from "./train/trainer.js";

const OPTIONS = { trees: 25, seed: 3 };

/** Sizes, ordinals, targets that depend on both; some sizes and targets are equal. */
function rowsOf(n: number, seed: number): TrainingRows {
  const rng = seededRng(seed);
  const x = Array.from({ length: n }, () => [Math.floor(rng.next() * 500), Math.floor(rng.next() * 8)]);
  return { x, y: x.map(([a, f]) => Math.floor((a as number) / 100) * 64 * ((f as number) - 3) + Math.floor(rng.next() * 10)) };
}

function requireEqual(forest: FlatForest, sizes: readonly number[], functionIndex: number): void {
  const steps = stepForestOf(forest, [Number.NaN, functionIndex], 0);
  const entered = enteredForest(forest, [Number.NaN, functionIndex], 0);
  for (const size of sizes) {
    const x = [size, functionIndex];
    const perTree = predictTrees(forest, x);
    assert.equal(stepMean(steps, size), meanOf(perTree));
    assert.deepEqual(predictTrees(entered, x), perTree);
  }
}

/** At, directly below and directly above every threshold, and far beyond. */
function edgesOf(forest: FlatForest): number[] {
  const edges = [...forest.threshold].filter((_, i) => forest.feature[i] === 0);
  const beside = (t: number) => [t, t - Math.abs(t) * Number.EPSILON, t + Math.abs(t) * Number.EPSILON];
  return [...edges.flatMap(beside), Number.NEGATIVE_INFINITY, -1, 0, 1e300, Number.POSITIVE_INFINITY, Number.NaN];
}

test("steps answer as the trees do, to the last bit, also on every threshold", async () => {
  const rows = rowsOf(200, 1);
  for (const forest of [await cartTrainer.train(rows, OPTIONS), await trainPerFunction(cartTrainer, rows, 1, OPTIONS)])
    for (let functionIndex = -1; functionIndex <= 8; functionIndex++) requireEqual(forest, edgesOf(forest), functionIndex);
});

test("whatever was learnt, and whatever is asked", async () => {
  const sample = fc.tuple(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), fc.nat(3), fc.double({ noNaN: true, min: -1e6, max: 1e6 }));
  await fc.assert(
    fc.asyncProperty(fc.array(sample, { minLength: 1, maxLength: 40 }), fc.double(), fc.nat(4), async (samples, size, functionIndex) => {
      const rows = { x: samples.map(([a, f]) => [a, f]), y: samples.map(([, , y]) => y) };
      const forest = await cartTrainer.train(rows, { trees: 7, seed: 1 });
      requireEqual(forest, [size, ...samples.map(([a]) => a)], functionIndex);
    }),
    { numRuns: 150 },
  );
});

test("a forest of leaves is a single step", async () => {
  const forest = await cartTrainer.train({ x: [[1, 0]], y: [7] }, OPTIONS);
  const steps = stepForestOf(forest, [Number.NaN, 0], 0);
  assert.deepEqual([...steps.starts], [Number.NEGATIVE_INFINITY]);
  assert.equal(stepMean(steps, 5), 7);
});
