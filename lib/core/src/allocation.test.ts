import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { decodeAllocation, encodeAllocation, isTruthyAnnotation, userAllocationOf } from "./allocation.js";

describe("the paper's encoding of CPU in the memory limit", () => {
  it("has the edges that the paper's formula gives", () => {
    assert.deepEqual(decodeAllocation(256), { cpuCores: 1, memoryMb: 256 });
    assert.deepEqual(decodeAllocation(8192), { cpuCores: 1, memoryMb: 8192 });
    assert.deepEqual(decodeAllocation(8193), { cpuCores: 2, memoryMb: 1 });
    assert.deepEqual(decodeAllocation(65536), { cpuCores: 8, memoryMb: 8192 });
  });

  it("decodes what it encoded", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 8192 }), (cpuCores, memoryMb) => {
        assert.deepEqual(decodeAllocation(encodeAllocation({ cpuCores, memoryMb })), { cpuCores, memoryMb });
      }),
    );
  });

  it("refuses what cannot be encoded", () => {
    for (const [cpuCores, memoryMb] of [
      [0.5, 256],
      [0, 256],
      [1, 0],
      [1, 8193],
      [1, 12.5],
      [Number.NaN, 1],
    ] as const)
      assert.throws(() => encodeAllocation({ cpuCores, memoryMb }), { code: "OWH_BAD_ALLOCATION" });
    for (const encoded of [0, -1, 1.5, Number.NaN]) assert.throws(() => decodeAllocation(encoded), { code: "OWH_BAD_ALLOCATION" });
  });
});

describe("user allocation", () => {
  it("takes the annotation before the encoding before the platform's default", () => {
    const annotations = [{ key: "cpu", value: 0.5 }];
    assert.deepEqual(userAllocationOf({ memoryLimitMb: 16_640, annotations }, 1), {
      cpuCores: 0.5,
      cpuSource: "annotation",
      memoryMb: 256,
    });
    assert.deepEqual(userAllocationOf({ memoryLimitMb: 16_640 }, 1), { cpuCores: 3, cpuSource: "encoded", memoryMb: 256 });
    assert.deepEqual(userAllocationOf({ memoryLimitMb: 256 }, 1), { cpuCores: 1, cpuSource: "platform-default", memoryMb: 256 });
  });

  it("has no CPU on a cluster that caps none", () => {
    assert.deepEqual(userAllocationOf({ memoryLimitMb: 256 }), { cpuSource: "none", memoryMb: 256 });
  });

  it("refuses annotations that are no amount of cores", () => {
    for (const value of [0, -1, "a lot", null, {}, Number.POSITIVE_INFINITY])
      assert.throws(() => userAllocationOf({ memoryLimitMb: 256, annotations: [{ key: "cpu", value }] }), { code: "OWH_BAD_ALLOCATION" });
  });
});

it("an annotation counts as OpenWhisk reads it", () => {
  const isTruthy = (value: unknown) => isTruthyAnnotation([{ key: "conductor", value }], "conductor");
  assert.deepEqual([true, 1, "x", {}, { type: "sequence" }, []].map(isTruthy), [true, true, true, true, true, true]);
  assert.deepEqual([false, 0, "", null].map(isTruthy), [false, false, false, false]);
  assert.deepEqual([isTruthyAnnotation([], "conductor"), isTruthyAnnotation([], "provide-api-key", true)], [false, true]);
});
