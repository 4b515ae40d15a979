import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { meanOf, predictTrees, validateForest } from "@openwhisk-harvest/core";
import fc from "fast-check";
import { cartTrainer } from "./cart.js";
import { mlRandomForestTrainer } from "./ml-random-forest.js";
import { trainPerFunction } from "./per-function.js";

const OPTIONS = { trees: 20, seed: 1 };
const COLUMN = 1;

/** Three functions with 10 %, 30 % and 60 % of the work, profiled at a dozen sizes. */
function skewedRows(): { x: number[][]; y: number[] } {
  const x: number[][] = [];
  const y: number[] = [];
  for (let i = 0; i < 12; i++)
    for (const [f, share] of [0.1, 0.3, 0.6].entries()) {
      const size = 1000 * 1.3 ** i;
      x.push([size, f]);
      y.push(size * share);
    }
  return { x, y };
}

describe("training per function", () => {
  it("answers for each function as a forest of that function alone", async () => {
    const rows = skewedRows();
    for (const trainer of [cartTrainer, mlRandomForestTrainer]) {
      const joined = await trainPerFunction(trainer, rows, COLUMN, OPTIONS);
      validateForest(joined, 2);
      for (const f of [0, 1, 2]) {
        const own = rows.x.flatMap((row, i) => (row[COLUMN] === f ? [i] : []));
        const alone = await trainer.train({ x: own.map((i) => rows.x[i] as number[]), y: own.map((i) => rows.y[i] as number) }, OPTIONS);
        for (const size of [500, 1000, 7777, 30_000]) assert.deepEqual(predictTrees(joined, [size, f]), predictTrees(alone, [size, f]));
      }
    }
  });

  it("never mixes functions: every prediction lies within what that function was seen to need", async () => {
    const rows = skewedRows();
    const forest = await trainPerFunction(cartTrainer, rows, COLUMN, OPTIONS);
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e6, noNaN: true }), fc.nat(2), (size, f) => {
        const seen = rows.y.filter((_, i) => rows.x[i]?.[COLUMN] === f);
        const predicted = meanOf(predictTrees(forest, [size, f]));
        assert.ok(predicted >= Math.min(...seen) && predicted <= Math.max(...seen));
      }),
    );
  });

  it("works for one function, for gaps between ordinals, and refuses nothing to train on", async () => {
    const one = await trainPerFunction(cartTrainer, { x: [[1, 4]], y: [7] }, COLUMN, OPTIONS);
    assert.equal(meanOf(predictTrees(one, [1, 4])), 7);
    const gap = await trainPerFunction(
      cartTrainer,
      {
        x: [
          [1, 0],
          [1, 9],
        ],
        y: [7, 8],
      },
      COLUMN,
      OPTIONS,
    );
    assert.equal(meanOf(predictTrees(gap, [1, 4])), 7);
    assert.equal(meanOf(predictTrees(gap, [1, 5])), 8);
    await assert.rejects(trainPerFunction(cartTrainer, { x: [], y: [] }, COLUMN, OPTIONS), { code: "OWH_BAD_DATASET" });
  });
});
