import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Calibration } from "./calibration.js";
import { sealed } from "./document-seal.js";
import type { FlatForest } from "./forest.js";
import { layOutNext } from "./function-forests.js";
import { decodeModel, encodeForests, MODEL_FORMAT, type Model } from "./model.js";
import { predictCalibrated } from "./predict-calibrated.js";

/** Two stumps: x0 < at ? low : high. */
function stumps(at: number, low: number, high: number): FlatForest {
  return {
    roots: Int32Array.of(0, 3),
    feature: Int32Array.of(0, -1, -1, 0, -1, -1),
    threshold: Float64Array.of(at, 0, 0, at * 2, 0, 0),
    left: Int32Array.of(1, 0, 0, 4, 0, 0),
    right: Int32Array.of(2, 0, 0, 5, 0, 0),
    value: Float64Array.of(0, low, high, 0, low + 2, high + 2),
  };
}

const TARGET = {
  samples: 10,
  skill: 1,
  explained: true,
  history: { mean: 5, p10: 4, p90: 6 },
  bands: [
    { fromDagInputBytes: 100, samples: 5, low: -1, high: 1 },
    { fromDagInputBytes: 1_000, samples: 5, low: -4, high: 4 },
  ],
};
const TARGETS = { inputBytes: TARGET, cpuCores: TARGET, memoryMb: { ...TARGET, explained: false }, workCoreMs: TARGET };
const CALIBRATION: Calibration = {
  coverage: 0.8,
  folds: 5,
  functions: [{ index: 0, sizes: { cells: [94, 141], runs: [3, 7] }, targets: TARGETS }],
};

function stored(calibration: unknown = CALIBRATION) {
  const forests = {
    inputBytes: stumps(500, 10, 20),
    cpuCores: stumps(15, 1, 2),
    memoryMb: stumps(15, 100, 200),
    workCoreMs: stumps(15, 50, 90),
  };
  const { attachment, layout, sha256 } = encodeForests(forests);
  const document = sealed({
    format: MODEL_FORMAT,
    namespace: "guest",
    dag: "aes",
    dagVersion: "v1",
    version: "1",
    trainer: "test",
    seed: 1,
    createdAtMs: 0,
    dagInputBytes: { min: 100, max: 1_000 },
    samples: [10],
    grid: {},
    scores: {},
    layout,
    sha256,
    calibration,
  });
  return { document, attachment };
}

const ask = (model: Model, dagInputBytes: number, functionIndex = 0) =>
  predictCalibrated({ model, dagVersion: "v1", at: { dagInputBytes, functionIndex, stage: 0 }, minSamples: 5 });

describe("a calibrated model", () => {
  const { document, attachment } = stored();
  const model = decodeModel(JSON.parse(JSON.stringify(document)), attachment);

  it("comes back from a store as it was written, calibration and seal included", () => {
    assert.deepEqual(model.document, document);
  });

  it("is asked with the band that holds at the size, never below zero", () => {
    assert.deepEqual(ask(model, 100).predicted.cpuCores, { mean: 2, p10: 1, p90: 3, basis: "forest" });
    const { predicted, near, distrust } = ask(model, 1_000);
    assert.deepEqual(predicted.cpuCores, { mean: 2.5, p10: 0, p90: 6.5, basis: "forest" });
    assert.deepEqual(predicted.memoryMb, { mean: 5, p10: 4, p90: 6, basis: "history" });
    assert.deepEqual([near, distrust], [7, undefined]);
  });

  it("answers the same, laid out or not, for every size and function", () => {
    const sizes = [100, 499.9, 500, 999, 1_000, 1_050];
    const other = decodeModel(document, attachment);
    const before = sizes.map((bytes) => [ask(other, bytes), ask(other, bytes, 3)]);
    let laidOut = 0;
    while (layOutNext(other)) laidOut++;
    // inputBytes of both functions and cpuCores of the calibrated one; memory rests on history, work is asked tree by tree.
    assert.equal(laidOut, 3);
    assert.deepEqual(
      sizes.map((bytes) => [ask(other, bytes), ask(other, bytes, 3)]),
      before,
    );
  });
});

describe("a damaged calibration", () => {
  it("is refused: by its seal, or by its shape", () => {
    const { document, attachment } = stored();
    const edited = { ...document, calibration: { ...CALIBRATION, coverage: 0.9 } };
    assert.throws(() => decodeModel(edited, attachment), { code: "OWH_BAD_MODEL", message: /digest/ });
    const malformed: unknown[] = [
      { ...CALIBRATION, functions: [{ ...CALIBRATION.functions[0], sizes: { cells: [1], runs: [] } }] },
      { ...CALIBRATION, functions: [{ ...CALIBRATION.functions[0], targets: { cpuCores: { ...TARGET, bands: [] } } }] },
      { ...CALIBRATION, functions: [{ ...CALIBRATION.functions[0], targets: { cpuCores: { ...TARGET, skill: null } } }] },
    ];
    for (const calibration of malformed) {
      const bad = stored(calibration);
      assert.throws(() => decodeModel(bad.document, bad.attachment), { code: "OWH_BAD_MODEL", message: /calibration/ });
    }
  });
});
