import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { BranchKind, DagDescription, DagFunction } from "@openwhisk-harvest/core";
import { checkDag } from "./dag-check.js";
import { dagOf, type FunctionSpec } from "./decide/state.kit.js";

const SPEC: FunctionSpec = { user: { cpuCores: 1, memoryMb: 256 }, cpuCores: 1, memoryMb: 100, workCoreMs: 1 };
const good = dagOf([SPEC, SPEC]);
const withFunction = (change: Partial<DagFunction>): DagDescription => ({
  ...good,
  functions: [good.functions[0] as DagFunction, { ...(good.functions[1] as DagFunction), ...change }],
});
const withBranches = (...branches: BranchKind[]): DagDescription => dagOf([SPEC, SPEC], { branches });

describe("checkDag", () => {
  it("lets a consistent description pass, also without stages", () => {
    checkDag(good);
    checkDag({ ...good, functions: [], stages: [] });
    checkDag(dagOf([]));
    checkDag(withBranches("varying", "fork-inside"));
    checkDag(dagOf([SPEC, { ...SPEC, position: 0 }], { kind: "map" }));
  });

  it("refuses what would break the budgets", () => {
    const bad: [string, DagDescription, RegExp][] = [
      ["index", withFunction({ index: 7 }), /number 1 has the index 7/],
      ["AST path", withFunction({ astPath: "[1][0]" }), /two functions have the AST path "\[1\]\[0\]"/],
      ["fork path", { ...good, stages: [...good.stages, ...good.stages] }, /two stages have the fork path/],
      ["same branch", withFunction({ position: 0 }), /branch 0 of "\[1\]" is described as action and has 2 functions/],
      ["another fork", withFunction({ forkPath: "[2]" }), /function 1 is in none of the branches of "\[2\]"/],
      ["no fork", { ...good, stages: [] }, /function 0 is in none of the branches of "\[1\]"/],
      ["no position", withFunction({ position: undefined }), /function 1 is in none of the branches of "\[1\]"/],
      ["beyond the width", withFunction({ position: 2 }), /function 1 is in none of the branches of "\[1\]"/],
      ["too few branches", withBranches("action"), /is 2 wide and describes 1 branches/],
      ["a map with two bodies", dagOf([SPEC, SPEC], { kind: "map" }), /is 0 wide and describes 2 branches/],
      ["a short sequence", withBranches("action", "sequence"), /branch 1 of "\[1\]" is described as sequence and has 1 functions/],
      ["actions in inline functions", withBranches("inline", "action"), /branch 0 of "\[1\]" is described as inline and has 1 functions/],
    ];
    for (const [what, dag, message] of bad) assert.throws(() => checkDag(dag), { code: "OWH_BAD_COMPOSITION", message }, what);
  });
});
