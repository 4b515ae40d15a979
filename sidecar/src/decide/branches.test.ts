import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { DagDescription, DagFunction } from "@openwhisk-harvest/core";
import { isStraightBranch, withSequences } from "./branches.js";
import { decide } from "./decide.js";
import { type FunctionSpec, modelOf, stateOf } from "./state.kit.js";

const action = (path: string) => ({ type: "action", path, name: "/_/a" });
const inline = { type: "function" };
const fork = (...branches: object[]) => ({
  type: "sequence",
  path: "",
  components: [action("[0]"), { type: "let", components: [{ type: "parallel", path: "[1]", components: branches }] }],
});

const branches: [what: string, branch: object, straight: boolean][] = [
  ["an action", action("[1][0]"), true],
  ["a sequence", { type: "sequence", path: "[1][0]", components: [action("[1][0][0]"), inline, action("[1][0][1]")] }, true],
  [
    "retain, as composer lowers it",
    {
      type: "let",
      components: [
        {
          type: "finally",
          body: inline,
          finalizer: { type: "sequence", components: [{ type: "mask", components: [action("x")] }, inline] },
        },
      ],
    },
    true,
  ],
  ["a try whose handler runs no action", { type: "try", body: action("x"), handler: inline }, true],
  ["a try whose handler runs one", { type: "try", body: action("x"), handler: action("y") }, false],
  ["a conditional", { type: "if_nosave", test: inline, consequent: action("x"), alternate: action("y") }, false],
  ["a conditional deep inside", { type: "sequence", components: [{ type: "if_nosave", test: inline, consequent: action("x") }] }, false],
  ["a loop", { type: "while_nosave", test: inline, body: action("x") }, false],
  ["a fork", { type: "parallel", path: "[1][0]", components: [action("x"), action("y")] }, false],
  ["an async", { type: "async", components: [action("x")] }, false],
  ["a dynamic", { type: "dynamic" }, false],
];

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
  const state = stateOf(specs, { policy: "makespan", model: modelOf(specs) });
  const excluded = state.dag.functions.map((fn): DagFunction => (fn.position === 0 ? { ...fn, excluded: "branch-not-single-action" } : fn));
  const dag: DagDescription = {
    ...state.dag,
    functions: excluded,
    stages: state.dag.stages.map((stage) => ({ ...stage, width: 2, functions: [2] })),
    composition: fork({ type: "sequence", components: [action("[1][0]"), action("[1][1]")] }, action("[1][2]")),
  };
  return { ...state, dag: withSequences(dag) };
}

describe("the branches of a stage", () => {
  for (const [what, branch, straight] of branches)
    it(`${what} is ${straight ? "" : "not "}straight`, () => {
      const { dag } = stateOf([SPEC, SPEC]);
      const [stage] = dag.stages;
      assert.equal(stage && isStraightBranch({ ...dag, composition: fork(branch, action("[1][1]")) }, stage, 0), straight);
    });

  it("of which nothing is known are not straight", () => {
    const { dag } = stateOf([SPEC, SPEC]);
    const [stage] = dag.stages;
    for (const composition of [undefined, null, "x", {}, fork()])
      assert.equal(stage && isStraightBranch({ ...dag, composition }, stage, 0), false);
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
    const state = sequenceState([500, 500, 200]);
    const functions = state.dag.functions.map((fn): DagFunction => (fn.index === 1 ? { ...fn, excluded: "action-off" } : fn));
    const stage = decide({ ...state, dag: { ...state.dag, functions } }).stages[0];
    assert.equal(stage?.cpu.reason, "nothing-to-share");
    assert.deepEqual(
      stage.functions.map((fn) => fn.allocation.cpuCores),
      [2, 2, 2],
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

  it("stays with everybody when nobody could be helped", () => {
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
