import assert from "node:assert/strict";
import { test } from "node:test";
import { predictTrees } from "./forest.js";
import { decodeModel, encodeForests, type Forests, MODEL_FEATURES, MODEL_FORMAT, MODEL_TARGETS, type Model } from "./model.js";
import { scaledModel } from "./scaled-model.js";

/** Two trees: the ordinal of the function in hundreds, plus 1 for sizes from 10 on, and the same plus 1000. */
function modelOfHundreds(): Model {
  const forests: Partial<Record<keyof Forests, Forests["cpuCores"]>> = {};
  for (const target of MODEL_TARGETS) {
    const ordinal = (MODEL_FEATURES[target] as readonly string[]).indexOf("functionIndex");
    const tree = (from: number, base: number) => ({
      feature: [ordinal, 0, -1, -1, -1],
      threshold: [1, 10, 0, 0, 0],
      left: [from + 4, from + 2, 0, 0, 0],
      right: [from + 1, from + 3, 0, 0, 0],
      value: [0, 0, base + 100, base + 101, base],
    });
    const [a, b] = [tree(0, 0), tree(5, 1000)];
    forests[target] = {
      roots: Int32Array.of(0, 5),
      feature: Int32Array.of(...a.feature, ...b.feature),
      threshold: Float64Array.of(...a.threshold, ...b.threshold),
      left: Int32Array.of(...a.left, ...b.left),
      right: Int32Array.of(...a.right, ...b.right),
      value: Float64Array.of(...a.value, ...b.value),
    };
  }
  const { layout, sha256 } = encodeForests(forests as Forests);
  const names = { namespace: "guest", dag: "d", dagVersion: "1", version: "1", trainer: "by hand" };
  const rest = { seed: 1, createdAtMs: 0, dagInputBytes: { min: 1, max: 100 }, samples: [9, 9, 9], grid: {}, scores: {} };
  return { document: { format: MODEL_FORMAT, ...names, ...rest, layout, sha256 }, forests: forests as Forests };
}

const work = ({ forests }: Model, size: number, index: number) => [...predictTrees(forests.workCoreMs, [size, index])];

test("errs by the factor, for the targets that it is to err in alone", () => {
  const model = modelOfHundreds();
  const half = scaledModel(model, { factors: { workCoreMs: 0.5 } }, "2");
  for (const index of [0, 1, 2])
    for (const size of [1, 50])
      assert.deepEqual(
        work(half, size, index),
        work(model, size, index).map((w) => w / 2),
      );
  assert.equal(half.forests.cpuCores, model.forests.cpuCores);
});

test("errs for the functions that it is to err for alone", () => {
  const model = modelOfHundreds();
  const wrong = scaledModel(model, { factors: { workCoreMs: 2, inputBytes: 3 }, functions: [0, 2] }, "2");
  for (const index of [0, 1, 2])
    for (const size of [1, 50]) {
      assert.deepEqual(
        work(wrong, size, index),
        work(model, size, index).map((w) => (index === 1 ? w : 2 * w)),
      );
      const inputs = (m: Model) => [...predictTrees(m.forests.inputBytes, [size, index, 0])];
      assert.deepEqual(
        inputs(wrong),
        inputs(model).map((bytes) => (index === 1 ? bytes : 3 * bytes)),
      );
    }
});

test("is a model like any other: it can be stored and read again", () => {
  const wrong = scaledModel(modelOfHundreds(), { factors: { workCoreMs: 0.5 }, functions: [1] }, "7");
  const read = decodeModel(wrong.document, encodeForests(wrong.forests).attachment);
  assert.equal(read.document.version, "7");
  assert.deepEqual(work(read, 50, 1), work(wrong, 50, 1));
});
