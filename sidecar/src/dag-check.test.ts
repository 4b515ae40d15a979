import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { DagDescription, DagFunction, ParallelStage } from "@openwhisk-harvest/core";
import { checkDag } from "./dag-check.js";
import { dagOf, type FunctionSpec } from "./decide/state.kit.js";

const SPEC: FunctionSpec = { user: { cpuCores: 1, memoryMb: 256 }, cpuCores: 1, memoryMb: 100, workCoreMs: 1 };
const good = dagOf([SPEC, SPEC]);
const withFunction = (change: Partial<DagFunction>): DagDescription => ({
  ...good,
  functions: [good.functions[0] as DagFunction, { ...(good.functions[1] as DagFunction), ...change }],
});
const withStage = (change: Partial<ParallelStage>): DagDescription => dagOf([SPEC, SPEC], change);

describe("checkDag", () => {
  it("lets a consistent description pass, also without stages", () => {
    checkDag(good);
    checkDag({ ...good, stages: [] });
    checkDag(dagOf([]));
  });

  it("refuses what would break the budgets", () => {
    const bad: [string, DagDescription, RegExp][] = [
      ["index", withFunction({ index: 7 }), /number 1 has the index 7/],
      ["AST path", withFunction({ astPath: "[1][0]" }), /two functions have the AST path "\[1\]\[0\]"/],
      ["fork path", { ...good, stages: [...good.stages, ...good.stages] }, /two stages have the fork path/],
      ["unknown function", withStage({ functions: [0, 2] }), /names function 2 of 2/],
      ["twice", withStage({ functions: [0, 0] }), /two functions of branch 0/],
      ["same branch", withFunction({ position: 0 }), /two functions of branch 0/],
      ["another fork", withFunction({ forkPath: "[2]" }), /in none of its branches/],
      ["beyond the width", withStage({ width: 1 }), /has 1 branches, and function 1 is in branch 1/],
    ];
    for (const [what, dag, message] of bad) assert.throws(() => checkDag(dag), { code: "OWH_BAD_COMPOSITION", message }, what);
  });
});
