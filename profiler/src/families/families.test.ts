import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { HarvestError, meanOf, seededRng } from "@openwhisk-harvest/core";
import fc from "fast-check";
import type { TrainingRows } from "../train/trainer.js";
import { FAMILIES } from "./families.js";
import { linearRegression } from "./linear.js";
import { Network, neuralNetwork } from "./neural-network.js";
import type { Regressor } from "./regressor.js";
import { scaleRows } from "./scaling.js";
import { supportVectorRegression } from "./svr.js";
import { decisionTree, gradientBoosting } from "./trees.js";

const OPTIONS = { trees: 20, seed: 1 };
const svrMissing = await supportVectorRegression.unavailable?.();
const skipOf = (family: Regressor) => (family === supportVectorRegression ? (svrMissing ?? false) : false);

function rowsOf(n: number, seed: number, target: (a: number) => number, noise = 0): TrainingRows {
  const rng = seededRng(seed);
  const x = Array.from({ length: n }, () => [rng.next() * 100]);
  return { x, y: x.map(([a]) => target(a as number) + noise * (rng.next() - 0.5)) };
}

async function meanError(family: Regressor, target: (a: number) => number): Promise<number> {
  const predict = await family.fit(rowsOf(160, 1, target), OPTIONS);
  const held = rowsOf(200, 2, target);
  return meanOf(held.x.map((x, i) => Math.abs(predict(x) - (held.y[i] as number))));
}

const line = (a: number) => 10 * a + 100;
const steps = (a: number) => 128 * (1 + Math.floor(a / 25));

test("there are the paper's six families, in its order", () => {
  assert.deepEqual(
    FAMILIES.map((f) => f.name),
    ["RandomForest", "XGBoost", "SVR", "NN", "DecisionTree", "LinearRegression"],
  );
});

for (const family of FAMILIES) {
  const skip = skipOf(family);

  test(`${family.name} learns a line to within 3 % of its range`, { skip }, async () => {
    assert.ok((await meanError(family, line)) < 30);
  });

  test(`${family.name} predicts a constant as it is, from one row too`, { skip }, async () => {
    for (const n of [1, 2, 50]) {
      const predict = await family.fit(
        rowsOf(n, n, () => 7.25),
        OPTIONS,
      );
      assert.ok(Math.abs(predict([50]) - 7.25) < 1e-3, `n=${n}: ${predict([50])}`);
    }
  });

  test(`${family.name} is deterministic by its seed`, { skip }, async () => {
    const rows = rowsOf(60, 3, steps, 20);
    const [a, b] = [await family.fit(rows, OPTIONS), await family.fit(rows, OPTIONS)];
    for (const x of [1, 30, 77]) assert.equal(a([x]), b([x]));
  });

  test(`${family.name} refuses what would poison it`, { skip }, async () => {
    for (const rows of [
      { x: [], y: [] },
      { x: [[1], [2]], y: [1] },
      { x: [[Number.NaN]], y: [1] },
      { x: [[1]], y: [Number.POSITIVE_INFINITY] },
    ])
      await assert.rejects(family.fit(rows, OPTIONS), (e) => e instanceof HarvestError && e.code === "OWH_BAD_DATASET");
  });
}

for (const family of FAMILIES.filter((f) => ["RandomForest", "XGBoost", "DecisionTree"].includes(f.name)))
  test(`${family.name} learns memory classes`, async () => {
    assert.ok((await meanError(family, steps)) < 4);
  });

test("least squares finds the line through noise-free points of several features, constants among them", async () => {
  const coefficient = fc.double({ min: -100, max: 100, noNaN: true });
  await fc.assert(
    fc.asyncProperty(coefficient, coefficient, coefficient, fc.nat(), async (a, b, c, seed) => {
      const rng = seededRng(seed);
      const x = Array.from({ length: 20 }, () => [rng.next() * 1e5, 4, rng.next()]);
      const truth = ([p, , q]: readonly number[]) => a * (p as number) + b * (q as number) + c;
      const predict = await linearRegression.fit({ x, y: x.map(truth) }, OPTIONS);
      const at = [12_345, 4, 0.5];
      assert.ok(Math.abs(predict(at) - truth(at)) < 1e-4 * (1 + Math.abs(truth(at))));
    }),
    { numRuns: 100 },
  );
});

test("the network's gradients are those of its loss", () => {
  const network = new Network(2, seededRng(5), [6, 5, 4]);
  const x = Float64Array.of(0.3, -0.8);
  const y = 0.7;
  const loss = () => (network.forward(x) - y) ** 2 / 2;
  network.accumulate(x, y);
  for (const [l, layer] of network.layers.entries())
    for (let i = 0; i < layer.parameters.length; i++) {
      const at = layer.parameters[i] as number;
      const step = 1e-6;
      layer.parameters[i] = at + step;
      const above = loss();
      layer.parameters[i] = at - step;
      const below = loss();
      layer.parameters[i] = at;
      const numeric = (above - below) / (2 * step);
      assert.ok(Math.abs(numeric - (layer.gradients[i] as number)) < 1e-6, `layer ${l}, parameter ${i}`);
    }
});

test("boosting goes on where one tree of its depth must stop", async () => {
  const wave = (a: number) => 100 * Math.sin(a / 3) + a;
  assert.ok((await meanError(gradientBoosting, wave)) < (await meanError(decisionTree, wave)) + 1);
  assert.ok((await meanError(gradientBoosting, wave)) < 12);
});

test("the network bends where a line cannot", async () => {
  const bend = (a: number) => Math.abs(a - 50);
  assert.ok((await meanError(neuralNetwork, bend)) < 1.5);
  assert.ok((await meanError(linearRegression, bend)) > 10);
});

test("the machine's predictions outlive its memory, and equal libsvm's own", { skip: svrMissing ?? false }, async () => {
  const Svm = (await createRequire(import.meta.url)("libsvm-js/asm")) as new (
    options: object,
  ) => { train(x: readonly (readonly number[])[], y: readonly number[]): void; predictOne(x: readonly number[]): number };
  const rows = [1, 2, 3].map((seed) => rowsOf(40, seed, steps, 20));
  const predictors = await Promise.all(rows.map((own) => supportVectorRegression.fit(own, OPTIONS)));
  for (const [i, predict] of predictors.entries()) {
    const scaled = scaleRows(rows[i] as TrainingRows);
    const library = new Svm({ type: "3", kernel: "2", gamma: 1, cost: 10, epsilon: 0.1, quiet: true });
    library.train(scaled.x, scaled.y);
    for (const at of [-10, 0, 33, 50, 120])
      assert.ok(Math.abs(predict([at]) - scaled.unscaleY(library.predictOne(scaled.scaleX([at])))) < 1e-9);
  }
});
