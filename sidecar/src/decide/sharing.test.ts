import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { BranchKind, DagDescription, DagFunction, Exclusion, ParallelStage } from "@openwhisk-harvest/core";
import { decide } from "./decide.js";
import { sharingOf } from "./sharing.js";
import { dagOf, type FunctionSpec, modelOf, stateOf } from "./state.kit.js";

const SPEC: FunctionSpec = { user: { cpuCores: 2, memoryMb: 512 }, cpuCores: 4, memoryMb: 200, workCoreMs: 0 };

/** Branch 0 is the sequence f0, f1; branch 1 the action f2. */
function sequenceState(works: readonly [number, number, number], users: readonly [number, number, number] = [2, 2, 2]) {
  const specs = works.map(
    (workCoreMs, at): FunctionSpec => ({
      ...SPEC,
      workCoreMs,
      user: { cpuCores: users[at] as number, memoryMb: 512 },
      position: at === 2 ? 1 : 0,
    }),
  );
  const described = dagOf(specs);
  return { described, ...stateOf(specs, { policy: "makespan", model: modelOf(specs), dag: sharingOf(described) }) };
}

describe("what takes part", () => {
  /** Two branches of the kinds, each with a function that is as `more` says. */
  const excluded = (kinds: readonly [BranchKind, BranchKind], more: Partial<DagFunction> = {}, stage: Partial<ParallelStage> = {}) => {
    const dag = dagOf([SPEC, SPEC], { branches: [...kinds], ...stage });
    const [first, second] = dag.functions as [DagFunction, DagFunction];
    return sharingOf({ ...dag, functions: [{ ...first, ...more }, second] });
  };
  const reasons: readonly [what: string, more: Partial<DagFunction>, reason: Exclusion][] = [
    ["a composition", { role: "composition" }, "called-composition"],
    ["a native sequence", { role: "sequence" }, "sequence-action"],
    ["an action that the job does not define", { role: "foreign" }, "action-unknown"],
    ["an action that has opted out", { harvest: "off" }, "action-off"],
    ["an action that is only observed", { harvest: "observe" }, "action-off"],
    ["an action whose containers run several activations", { concurrent: true }, "concurrency-above-one"],
    ["an action without a U of CPU", { user: { cpuSource: "none", memoryMb: 512 } }, "no-user-cpu"],
  ];
  for (const [what, more, reason] of reasons)
    it(`${what} is ${reason}, whatever its branch is`, () => {
      const { functions, stages } = excluded(["action", "action"], more);
      assert.deepEqual([functions[0]?.excluded, functions[1]?.excluded], [reason, undefined]);
      assert.deepEqual(stages[0]?.functions, reason === "no-user-cpu" ? [0, 1] : [1]);
      if (reason !== "no-user-cpu") assert.equal(excluded(["varying", "action"], more).functions[0]?.excluded, reason);
    });

  it("an action and the actions of a sequence do, those of other branches do not", () => {
    const { functions, stages } = excluded(["varying", "fork-inside"]);
    assert.deepEqual([functions[0]?.excluded, functions[1]?.excluded], ["branch-varies", "nested-fork"]);
    assert.deepEqual(stages[0]?.functions, []);
    assert.deepEqual(sequenceState([1, 1, 1]).dag.stages[0]?.functions, [0, 1, 2]);
  });

  it("a branch does as a whole or not at all", () => {
    const dag = dagOf([SPEC, SPEC, SPEC].map((spec, at) => ({ ...spec, position: at === 2 ? 1 : 0 })));
    const functions = dag.functions.map((fn): DagFunction => (fn.index === 1 ? { ...fn, harvest: "off" } : fn));
    const off = sharingOf({ ...dag, functions });
    assert.deepEqual(
      off.functions.map((fn) => fn.excluded),
      ["branch-not-whole", "action-off", undefined],
    );
    const paused = sharingOf(dag, new Map([[0, "action-paused"]]));
    assert.deepEqual(
      paused.functions.map((fn) => fn.excluded),
      ["action-paused", "branch-not-whole", undefined],
    );
    assert.deepEqual([off.stages[0]?.functions, paused.stages[0]?.functions], [[2], [2]]);
  });

  it("a function outside of stages is left as it is", () => {
    const { forkPath: _, position: __, ...outside } = dagOf([SPEC]).functions[0] as DagFunction;
    const dag: DagDescription = { ...dagOf([]), functions: [outside, { ...outside, index: 1, harvest: "off" }], stages: [] };
    assert.deepEqual(
      sharingOf(dag).functions.map((fn) => fn.excluded),
      [undefined, "action-off"],
    );
  });
});

describe("a sequence in a stage", () => {
  it("shares as one branch: all its functions have the same, for the work of all of them", () => {
    const stage = decide(sequenceState([500, 500, 200])).stages[0];
    assert.deepEqual(stage?.cpu, { accepted: true, reason: "shorter-stage" });
    assert.deepEqual(
      stage.functions.map((fn) => fn.allocation.cpuCores),
      [3, 3, 1],
    );
    assert.equal(stage.budget.cpuCores, 4);
    assert.deepEqual(stage.predictedMs, { user: 500, allocated: 500 / 3 + 500 / 3 });
  });

  it("counts with the least U of its functions, and is timed with the U of each", () => {
    const stage = decide(sequenceState([400, 800, 100], [1, 4, 3])).stages[0];
    assert.equal(stage?.budget.cpuCores, 4);
    assert.equal(stage?.predictedMs?.user, 600);
  });

  it("keeps U as a whole when one of its functions may not share", () => {
    const { described, ...state } = sequenceState([500, 500, 200]);
    const functions = described.functions.map((fn): DagFunction => (fn.index === 1 ? { ...fn, harvest: "off" } : fn));
    const stage = decide({ ...state, dag: sharingOf({ ...described, functions }) }).stages[0];
    assert.equal(stage?.cpu.reason, "nothing-to-share");
    assert.deepEqual(
      stage.functions.map((fn) => [fn.index, fn.allocation.cpuCores, fn.excluded]),
      [
        [0, 2, "branch-not-whole"],
        [1, 2, "action-off"],
        [2, 2, undefined],
      ],
    );
  });
});

describe("memory under policy makespan", () => {
  const memoryOf = (demands: readonly number[], user = 256, policy: "makespan" | "paper" = "makespan") =>
    decide(
      stateOf(
        demands.map((memoryMb) => ({ ...SPEC, user: { cpuCores: 2, memoryMb: user }, memoryMb, workCoreMs: 100 })),
        { policy },
      ),
    ).stages[0];

  it("goes to as many as would die under U as there is room for, the smallest shortage first", () => {
    const stage = memoryOf([128, 128, 640, 384]);
    assert.deepEqual(stage?.memory, { accepted: true, reason: "memory-shortage-met" });
    assert.deepEqual(
      stage.functions.map((fn) => fn.allocation.memoryMb),
      [128, 128, 256, 384],
    );
    assert.equal(memoryOf([128, 128, 640, 384], 256, "paper")?.memory.accepted, false);
  });

  it("stays where it is when no function could be helped", () => {
    assert.deepEqual(memoryOf([128, 1024])?.memory, { accepted: false, reason: "exceeds-budget" });
  });

  it("leaves U off the grid where it is (H3)", () => {
    const stage = memoryOf([128, 128, 900, 300], 300);
    assert.deepEqual(
      stage?.functions.map((fn) => fn.allocation.memoryMb),
      [128, 128, 300, 384],
    );
  });
});

describe("bounds of an action", () => {
  it("hold a donor above its minimum and a receiver below its maximum", () => {
    const bounded = (workCoreMs: number, bounds: FunctionSpec["bounds"]): FunctionSpec => ({
      ...SPEC,
      workCoreMs,
      ...(bounds && { bounds }),
    });
    const cpuOf = (specs: FunctionSpec[]) =>
      decide(stateOf(specs, { policy: "makespan" })).stages[0]?.functions.map((fn) => fn.allocation.cpuCores);
    const user = { user: { cpuCores: 4, memoryMb: 512 }, cpuCores: 8 };
    assert.deepEqual(
      cpuOf([
        { ...bounded(900, undefined), ...user },
        { ...bounded(100, undefined), ...user },
      ]),
      [7, 1],
    );
    assert.deepEqual(
      cpuOf([
        { ...bounded(900, { max: { cpuCores: 5.5 } }), ...user },
        { ...bounded(100, undefined), ...user },
      ]),
      [5, 3],
    );
    assert.deepEqual(
      cpuOf([
        { ...bounded(900, undefined), ...user },
        { ...bounded(100, { min: { cpuCores: 2.5 } }), ...user },
      ]),
      [5, 3],
    );
  });
});
