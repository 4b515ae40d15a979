import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decide } from "./decide.js";
import { ENTER_GAIN_SHARE, VerdictMemory } from "./hysteresis.js";
import { type FunctionSpec, stateOf } from "./state.kit.js";

/** With 2 cores each the stage takes `slow` / 2 ms; with 3:1 `slow` / 3 or `fast`, whichever is longer. */
const state = (slow: number, fast: number, wasSplit?: boolean) => {
  const spec = (workCoreMs: number): FunctionSpec => ({ user: { cpuCores: 2, memoryMb: 256 }, cpuCores: 4, memoryMb: 256, workCoreMs });
  return { ...stateOf([spec(slow), spec(fast)], { policy: "makespan" }), ...(wasSplit !== undefined && { wasSplit: () => wasSplit }) };
};
const verdict = (one: ReturnType<typeof state>) => decide(one).stages[0]?.cpu;

describe("hysteresis", () => {
  it("takes a gain that is worth the move to leave U, and any gain to stay away from it", () => {
    const small = [1_000, 495] as const; // 500 ms with U, 495 ms split: 1 %
    assert.ok(0.01 < ENTER_GAIN_SHARE);
    assert.deepEqual(verdict(state(...small)), { accepted: false, reason: "gain-within-uncertainty" });
    assert.deepEqual(verdict(state(...small, false)), { accepted: false, reason: "gain-within-uncertainty" });
    assert.deepEqual(verdict(state(...small, true)), { accepted: true, reason: "shorter-stage" });
    assert.deepEqual(verdict(state(1_000, 480)), { accepted: true, reason: "shorter-stage" });
  });

  it("never takes a loss, whatever was last time", () => {
    assert.equal(verdict(state(1_000, 500, true))?.accepted, false);
  });

  it("remembers verdicts by workflow and stage, and forgets the longest unseen", () => {
    const memory = new VerdictMemory(2);
    for (const forkPath of ["[0]", "[1]"]) memory.note("guest", "job", forkPath, true);
    assert.equal(memory.wasSplit("guest", "job", "[0]"), true);
    assert.equal(memory.wasSplit("stranger", "job", "[0]"), false);
    memory.note("guest", "job", "[2]", true);
    assert.deepEqual(
      ["[0]", "[1]", "[2]"].map((forkPath) => memory.wasSplit("guest", "job", forkPath)),
      [false, true, true],
    );
    memory.note("guest", "job", "[1]", false);
    assert.equal(memory.wasSplit("guest", "job", "[1]"), false);
  });
});
