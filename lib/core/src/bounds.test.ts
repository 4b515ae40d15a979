import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { UserAllocation } from "./allocation.js";
import { boundsOf } from "./bounds.js";

const user: UserAllocation = { cpuCores: 1, cpuSource: "annotation", memoryMb: 512 };
const annotated = (min?: unknown, max?: unknown) => [
  { key: "harvest-min", value: min },
  { key: "harvest-max", value: max },
];

describe("the bounds of an action", () => {
  it("are none without annotations", () => {
    assert.deepEqual(boundsOf([], user), {});
    assert.deepEqual(boundsOf(undefined, user), {});
  });

  it("are read from the annotations, each resource by itself", () => {
    assert.deepEqual(boundsOf(annotated({ cpuCores: 0.5 }, { cpuCores: 2, memoryMb: 1024 }), user), {
      min: { cpuCores: 0.5 },
      max: { cpuCores: 2, memoryMb: 1024 },
    });
  });

  it("may lie on the user allocation itself: such an action neither gives nor gets", () => {
    const at = { cpuCores: 1, memoryMb: 512 };
    assert.deepEqual(boundsOf(annotated(at, at), user), { min: at, max: at });
  });

  it("never exclude the user allocation (H3)", () => {
    for (const [min, max, named] of [
      [{ cpuCores: 1.25 }, undefined, /minimum of 1.25 cores/],
      [{ memoryMb: 513 }, undefined, /minimum of 513 MB/],
      [undefined, { cpuCores: 0.75 }, /maximum of 0.75 cores/],
      [undefined, { memoryMb: 511 }, /maximum of 511 MB/],
    ] as const)
      assert.throws(() => boundsOf(annotated(min, max), user), { code: "OWH_BAD_ALLOCATION", message: named });
  });

  it("say nothing of a CPU allocation that does not exist", () => {
    assert.deepEqual(boundsOf(annotated({ cpuCores: 4 }), { cpuSource: "none", memoryMb: 512 }), { min: { cpuCores: 4 } });
  });

  it("are refused in any other form, and the annotation is named", () => {
    for (const wrong of [1, "1", null, [1], { cpu: 1 }, { cpuCores: 0 }, { cpuCores: "1" }, { memoryMb: Number.NaN }])
      assert.throws(() => boundsOf(annotated(wrong), user), { code: "OWH_BAD_ALLOCATION", message: /harvest-min/ });
  });
});
