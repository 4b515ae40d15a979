/** What `harvest deploy` says that the sidecar will do with a description. */
import assert from "node:assert/strict";
import { it } from "node:test";
import type { BranchKind, DagFunction } from "@openwhisk-harvest/core";
import { MOST_FUNCTIONS } from "./decide/size-limit.js";
import { dagOf, type FunctionSpec } from "./decide/state.kit.js";
import { explainSharing } from "./explain-sharing.js";
import { REASON_WORDS } from "./explain-words.js";

const SPEC: FunctionSpec = { user: { cpuCores: 2, memoryMb: 512 }, cpuCores: 4, memoryMb: 200, workCoreMs: 0 };
const at = (...positions: number[]) => positions.map((position) => ({ ...SPEC, position }));
const saidOf = (
  positions: number[],
  kind: "parallel" | "map",
  branches: BranchKind[],
  change: (fn: DagFunction) => object = () => ({}),
) => {
  const dag = dagOf(at(...positions), { kind, branches });
  return explainSharing({ ...dag, functions: dag.functions.map((fn) => ({ ...fn, ...change(fn) })) });
};

it("sequences share, as many branches as there are", () => {
  assert.deepEqual(saidOf([0, 0, 1, 2], "parallel", ["sequence", "action", "action"]), ["parallel stage [1]: 3 of 3 branches share"]);
});

it("a branch that cannot share is named with its reason, and the others share", () => {
  const branches: BranchKind[] = ["varying", "fork-inside", "action", "action"];
  assert.deepEqual(saidOf([0, 1, 2, 3], "parallel", branches), [
    "parallel stage [1]: 2 of 4 branches share",
    "/guest/f0 keeps its user allocation: what its branch runs, or how often, shows only when it runs (branch-varies)",
    "/guest/f1 keeps its user allocation: its branch forks itself, and a stage within shares among its own branches (nested-fork)",
  ]);
});

it("a branch alone has none to share with", () => {
  const off = ({ index }: DagFunction) => (index === 0 ? { harvest: "off" } : {});
  assert.deepEqual(saidOf([0, 1], "parallel", ["action", "action"], off), [
    "parallel stage [1]: fewer than two branches can share",
    "/guest/f0 keeps its user allocation: its action has opted out of harvesting (action-off)",
  ]);
});

it("a map shares when it forks, or not at all", () => {
  assert.deepEqual(saidOf([0, 0], "map", ["sequence"]), [
    "map stage [1]: its items share; it is decided when it forks, with the sizes of its items",
  ]);
  assert.equal(saidOf([0], "map", ["fork-inside"])[0], "map stage [1]: its items cannot share");
  const other = saidOf([0], "map", ["action"], () => ({ role: "composition" }));
  assert.deepEqual(other, [
    "map stage [1]: its items cannot share",
    "/guest/f0 keeps its user allocation: it is a composition itself, which shares among its own branches (called-composition)",
  ]);
});

it("a function without a U of CPU shares memory", () => {
  const user = { cpuSource: "none", memoryMb: 512 };
  const said = saidOf([0, 1], "parallel", ["action", "action"], ({ index }) => (index === 0 ? { user } : {}));
  assert.deepEqual(said, [
    "parallel stage [1]: 2 of 2 branches share",
    "/guest/f0 takes part in memory only: the platform gives it no share of CPU (no-user-cpu)",
  ]);
});

it("a stage that is too large for a decision keeps U", () => {
  const length = MOST_FUNCTIONS + 1;
  const wide = saidOf([...Array(length).keys()], "parallel", Array<BranchKind>(length).fill("action"));
  assert.deepEqual(wide, [`parallel stage [1]: ${REASON_WORDS["too-many-functions"]}`]);
});
