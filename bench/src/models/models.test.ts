import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "@openwhisk-harvest/core";
import { benchInference } from "./inference.js";
import { runScikitLearn } from "./scikit-learn.js";
import { benchTraining } from "./training.js";

const NO_PYTHON = "no-such-python";

test("the training bench measures every trainer on the same rows, and says which is not there", async () => {
  const entries = await benchTraining({ clock: systemClock, rowCounts: [40], trees: 5, repeats: 2, python: NO_PYTHON });
  assert.deepEqual(
    entries.map((e) => [e.name, e.rows, e.trainMs === undefined]),
    [
      ["ml-random-forest", 40, false],
      ["cart", 40, false],
      ["scikit-learn", 40, true],
    ],
  );
  assert.match(entries[2]?.unavailable ?? "", /ENOENT/);
  for (const { trainMs, meanAbsoluteError } of entries.slice(0, 2)) {
    assert.ok(trainMs && trainMs.min <= trainMs.p50 && trainMs.p50 <= trainMs.max && trainMs.min > 0);
    assert.ok((meanAbsoluteError ?? Number.NaN) < 300);
  }
});

test("the inference bench asks one model in every way, and every way says the same", async () => {
  const report = await benchInference({ clock: systemClock, functions: 3, trees: 10, rows: 60, chains: 200, python: NO_PYTHON });
  assert.equal(report.predictions, 9);
  assert.deepEqual(
    report.entries.map((e) => e.name),
    ["ml-random-forest", "flattened", "steps", "as decided: with the work of every tree, bands and trust", "scikit-learn"],
  );
  for (const { maxDifference, chainUs } of report.entries.slice(0, 4)) {
    assert.ok((maxDifference ?? 1) <= 1e-9);
    assert.ok((chainUs?.p50 ?? 0) > 0);
  }
});

test("an interpreter without scikit-learn is told by its own words", async () => {
  const rows = { x: [[1]], y: [1] };
  const task = { train: rows, test: rows, trees: 1, seed: 1, repeats: 1, predictions: 1 };
  assert.match(JSON.stringify(await runScikitLearn({ ...task, python: "false" })), /unavailable/);
  assert.match(JSON.stringify(await runScikitLearn({ ...task, python: "true" })), /its answer cannot be read/);
});
