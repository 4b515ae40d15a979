import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type FlatForest, predictTrees, summarize, validateForest } from "./forest.js";
import { decodeModel, encodeForests, MODEL_FEATURES, MODEL_FORMAT, type ModelDocument } from "./model.js";

/** Two stumps: x0 < 10 ? low : high. */
function stumps(low: number, high: number): FlatForest {
  return {
    roots: Int32Array.of(0, 3),
    feature: Int32Array.of(0, -1, -1, 0, -1, -1),
    threshold: Float64Array.of(10, 0, 0, 10, 0, 0),
    left: Int32Array.of(1, 0, 0, 4, 0, 0),
    right: Int32Array.of(2, 0, 0, 5, 0, 0),
    value: Float64Array.of(0, low, high, 0, low + 2, high + 2),
  };
}

const FORESTS = { inputBytes: stumps(1, 2), cpuCores: stumps(3, 4), memoryMb: stumps(5, 6), workCoreMs: stumps(7, 8) };

function stored(): { document: ModelDocument; attachment: Buffer } {
  const { attachment, layout, sha256 } = encodeForests(FORESTS);
  const document: ModelDocument = {
    format: MODEL_FORMAT,
    namespace: "guest",
    dag: "aes",
    dagVersion: "v1",
    version: "1",
    trainer: "test",
    seed: 1,
    createdAtMs: 0,
    dagInputBytes: { min: 1, max: 2 },
    samples: [1],
    grid: {},
    scores: {},
    layout,
    sha256,
  };
  return { document, attachment };
}

describe("flattened forest", () => {
  it("walks each tree and tells the spread", () => {
    assert.deepEqual([...predictTrees(stumps(1, 5), [9.99])], [1, 3]);
    assert.deepEqual([...predictTrees(stumps(1, 5), [10])], [5, 7]);
    const { mean, p10, p90 } = summarize(Float64Array.of(1, 3));
    assert.equal(mean, 2);
    assert.ok(Math.abs(p10 - 1.2) < 1e-12 && Math.abs(p90 - 2.8) < 1e-12);
  });

  it("refuses damage that would mislead or never end", () => {
    const damaged: Partial<FlatForest>[] = [
      { roots: new Int32Array(0) },
      { roots: Int32Array.of(9) },
      { left: Int32Array.of(0, 0, 0, 4, 0, 0) },
      { right: Int32Array.of(99, 0, 0, 5, 0, 0) },
      { feature: Int32Array.of(7, -1, -1, 0, -1, -1) },
      { value: Float64Array.of(0, Number.NaN, 1, 0, 1, 1) },
      { threshold: Float64Array.of(Number.NaN, 0, 0, 1, 0, 0) },
      { value: Float64Array.of(1) },
    ];
    for (const part of damaged) assert.throws(() => validateForest({ ...stumps(1, 2), ...part }, 2), { code: "OWH_BAD_MODEL" });
  });
});

describe("stored model", () => {
  it("reads back what it wrote, from an unaligned buffer too", () => {
    const { document, attachment } = stored();
    const shifted = Buffer.concat([Buffer.alloc(3), attachment]).subarray(3);
    assert.deepEqual(decodeModel(document, shifted).forests, FORESTS);
    assert.deepEqual(Object.keys(FORESTS), Object.keys(MODEL_FEATURES));
  });

  it("refuses a newer format, saying so", () => {
    const { document, attachment } = stored();
    assert.throws(() => decodeModel({ ...document, format: MODEL_FORMAT + 1 }, attachment), { code: "OWH_MODEL_TOO_NEW" });
  });

  it("refuses any flipped byte of its trees", () => {
    const { document, attachment } = stored();
    fc.assert(
      fc.property(fc.nat(attachment.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const flipped = Buffer.from(attachment);
        flipped[at] = (flipped[at] as number) ^ mask;
        assert.throws(() => decodeModel(document, flipped), { code: "OWH_BAD_MODEL" });
      }),
    );
  });

  it("refuses documents that are none", () => {
    const { document, attachment } = stored();
    for (const bad of [
      null,
      7,
      {},
      { ...document, layout: [] },
      { ...document, sha256: "" },
      { ...document, layout: [{ target: "x", trees: 2, nodes: 6 }] },
    ])
      assert.throws(() => decodeModel(bad, attachment), { code: "OWH_BAD_MODEL" });
  });
});
