import assert from "node:assert/strict";
import { test } from "node:test";
import { type FlatForest, HarvestError, meanOf, predictTrees, seededRng, validateForest } from "@openwhisk-harvest/core";
import fc from "fast-check";
import { cartTrainer } from "./cart.js";
import { mlRandomForestTrainer } from "./ml-random-forest.js";
import { fit, flatten, MAX_ROWS, sampleRows } from "./ml-random-forest-fit.js";
import type { TrainingRows } from "./trainer.js";

const predict = (forest: FlatForest, x: readonly number[]) => meanOf(predictTrees(forest, x));

function rowsOf(n: number, seed: number, target: (a: number, b: number) => number): TrainingRows {
  const rng = seededRng(seed);
  const x = Array.from({ length: n }, () => [rng.next() * 100, Math.floor(rng.next() * 3)]);
  return { x, y: x.map(([a, b]) => target(a as number, b as number)) };
}

function meanError(forest: FlatForest, { x, y }: TrainingRows): number {
  return meanOf(x.map((row, i) => Math.abs(predict(forest, row) - (y[i] as number))));
}

const twoLevels = (a: number) => (a < 10 ? 128 : 256);
const fourLevels = (a: number) => 128 * 2 ** Math.floor(a / 25);
const linear = (a: number, b: number) => 10 * a + 100 * b;

for (const trainer of [cartTrainer, mlRandomForestTrainer]) {
  const train = (rows: TrainingRows, seed = 1, trees = 50) => trainer.train(rows, { trees, seed });

  test(`${trainer.name} learns two memory classes exactly, at the root already`, async () => {
    assert.ok(meanError(await train(rowsOf(200, 1, twoLevels)), rowsOf(500, 2, twoLevels)) < 1);
  });

  test(`${trainer.name} learns four memory classes`, async () => {
    assert.ok(meanError(await train(rowsOf(200, 1, fourLevels)), rowsOf(500, 2, fourLevels)) < 10);
  });

  test(`${trainer.name} learns a line to within 2 % of its range`, async () => {
    assert.ok(meanError(await train(rowsOf(200, 1, linear)), rowsOf(500, 2, linear)) < 24);
  });

  test(`${trainer.name} learns a constant`, async () => {
    const forest = await train(rowsOf(140, 1, () => 7.25));
    assert.equal(predict(forest, [3, 1]), 7.25);
  });

  test(`${trainer.name} trains on 1 to 5 rows, whatever the seed, and stays within their range`, async () => {
    for (let n = 1; n <= 5; n++) {
      const rows = rowsOf(n, n, linear);
      for (let seed = 0; seed < 40; seed++) {
        const forest = await train(rows, seed, 3);
        validateForest(forest, 2);
        const value = predict(forest, [50, 1]);
        assert.ok(value >= Math.min(...rows.y) - 1e-3 && value <= Math.max(...rows.y) + 1e-3, `n=${n} seed=${seed}: ${value}`);
      }
    }
  });

  test(`${trainer.name} is deterministic by its seed`, async () => {
    const rows = rowsOf(60, 1, linear);
    assert.deepEqual(await train(rows, 5), await train(rows, 5));
    assert.notDeepEqual(await train(rows, 5), await train(rows, 6));
  });

  test(`${trainer.name} refuses what would poison it`, async () => {
    const refused = [
      { x: [], y: [] },
      { x: [[]], y: [1] },
      { x: [[1], [2]], y: [1] },
      { x: [[1], [2, 3]], y: [1, 2] },
      { x: [[Number.NaN]], y: [1] },
      { x: [[1]], y: [Number.POSITIVE_INFINITY] },
    ];
    for (const rows of refused)
      await assert.rejects(train(rows), (e) => e instanceof HarvestError && e.code === "OWH_BAD_DATASET", JSON.stringify(rows));
    await assert.rejects(train({ x: [[1]], y: [1] }, 1, 0), { code: "OWH_BAD_DATASET" });
  });

  test(`${trainer.name} makes valid forests of any rows, and predicts within the range of their targets`, async () => {
    const amount = fc.double({ min: -1e9, max: 1e9, noNaN: true });
    const rows = fc.array(fc.tuple(amount, fc.nat(3), amount), { minLength: 1, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(rows, fc.nat(1000), amount, async (samples, seed, at) => {
        const y = samples.map(([, , target]) => target);
        const forest = await train({ x: samples.map(([a, b]) => [a, b]), y }, seed, 4);
        validateForest(forest, 2);
        const [low, high] = [Math.min(...y), Math.max(...y)];
        const slack = 1e-6 * (high - low) + 1e-9 * Math.max(Math.abs(low), Math.abs(high));
        const value = predict(forest, [at, 1]);
        assert.ok(value >= low - slack && value <= high + slack);
      }),
      { numRuns: 100 },
    );
  });
}

test("flattened, the library's forest predicts what the library predicts, on 10,000 inputs", () => {
  const rows = rowsOf(120, 3, (a, b) => fourLevels(a) + linear(a, b));
  const library = fit(rows, { trees: 20, seed: 9 });
  const flat = flatten(library);
  validateForest(flat, 2);
  const inputs = rowsOf(9_800, 4, () => 0).x.concat(
    rows.x.slice(0, 100), // thresholds lie between training rows, so these are the closest to them
    library.estimators.flatMap(({ root }) => [[root.splitValue as number, root.splitValue as number]]), // and these lie on them
    rowsOf(80, 5, () => 0).x.map(([a]) => [(a as number) * 1e6 - 5e7, -1]),
  );
  assert.equal(inputs.length, 10_000);
  const expected = library.predict(inputs);
  for (const [i, x] of inputs.entries()) assert.ok(Math.abs(predict(flat, x) - (expected[i] as number)) <= 1e-9);
});

test("the library's trees see every feature once", () => {
  const library = fit(rowsOf(20, 3, linear), { trees: 30, seed: 1 });
  for (const columns of library.indexes) assert.deepEqual([...columns].sort(), [0, 1]);
});

test("rows above the library's cap are drawn from the whole dataset, each at most once", () => {
  const n = 4 * MAX_ROWS;
  const rows = { x: Array.from({ length: n }, (_, i) => [i]), y: Array.from({ length: n }, (_, i) => i) };
  const drawn = sampleRows(rows, MAX_ROWS, 7);
  assert.equal(new Set(drawn.y).size, MAX_ROWS);
  assert.deepEqual(drawn.x.flat(), drawn.y);
  assert.ok(drawn.y.filter((i) => i >= n / 2).length > MAX_ROWS / 3);
  assert.deepEqual(sampleRows(rows, MAX_ROWS, 7), drawn);
});

test("a forest trained in a thread is the forest trained here", async () => {
  const rows = rowsOf(160, 1, linear);
  const options = { trees: 5, seed: 2 };
  assert.deepEqual(await mlRandomForestTrainer.train(rows, options), flatten(fit(rows, options)));
});

test("cart keeps targets apart that differ by little at a large offset", async () => {
  const rows = rowsOf(100, 1, (a) => 1e12 + (a < 50 ? 0 : 1));
  const forest = await cartTrainer.train(rows, { trees: 30, seed: 1 });
  assert.ok(predict(forest, [90, 0]) - predict(forest, [10, 0]) > 0.99);
});

test("cart parts neighbours among the floating-point numbers", async () => {
  const next = 1 + Number.EPSILON;
  const x = Array.from({ length: 20 }, (_, i) => [i % 2 === 0 ? 1 : next]);
  const forest = await cartTrainer.train({ x, y: x.map(([a]) => (a === 1 ? 0 : 1)) }, { trees: 20, seed: 1 });
  assert.ok(predict(forest, [1]) < 0.01 && predict(forest, [next]) > 0.99);
});
