import assert from "node:assert/strict";
import { test } from "node:test";
import { branchKindOf, forkAt } from "./branch-kind.js";
import type { BranchKind } from "./dag.js";

const action = (path = "x") => ({ type: "action", path, name: "/_/a" });
const inline = { type: "function" };

const BRANCHES: readonly [what: string, branch: unknown, kind: BranchKind][] = [
  ["an action", action(), "action"],
  ["a sequence", { type: "sequence", components: [action(), inline, action()] }, "sequence"],
  ["a sequence of one action and inline functions", { type: "sequence", components: [inline, action(), inline] }, "action"],
  ["an inline function", inline, "inline"],
  ["an empty sequence", { type: "sequence", components: [] }, "inline"],
  [
    "retain, as composer lowers it",
    {
      type: "let",
      components: [
        {
          type: "finally",
          body: inline,
          finalizer: { type: "sequence", components: [{ type: "mask", components: [action()] }, inline] },
        },
      ],
    },
    "action",
  ],
  ["an action with a finalizer", { type: "finally", body: action(), finalizer: action() }, "sequence"],
  ["a try whose handler runs no action", { type: "try", body: action(), handler: { type: "let", components: [inline] } }, "action"],
  ["a try whose handler runs one", { type: "try", body: action(), handler: action() }, "varying"],
  ["a conditional", { type: "if_nosave", test: inline, consequent: action(), alternate: action() }, "varying"],
  [
    "a conditional without an action",
    { type: "sequence", components: [{ type: "if_nosave", test: inline, consequent: inline }, action()] },
    "action",
  ],
  ["a conditional deep inside", { type: "sequence", components: [{ type: "if_nosave", test: inline, consequent: action() }] }, "varying"],
  ["a loop", { type: "while_nosave", test: inline, body: action() }, "varying"],
  ["a loop that looks afterwards", { type: "dowhile_nosave", body: action(), test: inline }, "varying"],
  ["a dynamic", { type: "dynamic" }, "varying"],
  ["a dynamic behind an action", { type: "sequence", components: [action(), { type: "dynamic" }] }, "varying"],
  ["a parallel", { type: "parallel", components: [action(), action()] }, "fork-inside"],
  ["a map behind an action", { type: "sequence", components: [action(), { type: "map", components: [action()] }] }, "fork-inside"],
  ["an async in a conditional", { type: "if_nosave", test: inline, consequent: { type: "async", components: [action()] } }, "fork-inside"],
  ["a list of parts, as a map's body is", [action(), action()], "sequence"],
  ["a combinator of another composer", { type: "novel", body: action() }, "varying"],
  ["nothing that is a part", "x", "varying"],
];

for (const [what, branch, kind] of BRANCHES)
  test(`a branch that is ${what} is of kind ${kind}`, () => {
    assert.equal(branchKindOf(branch), kind);
  });

test("the values that a let declares are no part of its branch", () => {
  const branch = { type: "let", declarations: { body: action(), components: [action()] }, components: [action()] };
  assert.equal(branchKindOf(branch), "action");
});

test("a fork is found at its path, wherever it stands, and nothing else is taken for it", () => {
  const fork = { type: "map", path: "[1].body", components: [action()] };
  const composition = {
    type: "sequence",
    path: "",
    components: [action("[0]"), { type: "try", path: "[1]", body: fork, handler: inline }],
  };
  assert.equal(forkAt(composition, "[1].body"), fork);
  for (const path of ["[0]", "", "[2]"]) assert.equal(forkAt(composition, path), undefined);
  for (const other of [undefined, null, "x", [], {}]) assert.equal(forkAt(other, ""), undefined);
});
