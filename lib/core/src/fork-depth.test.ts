import assert from "node:assert/strict";
import { test } from "node:test";
import { waitingDepthOf } from "./fork-depth.js";

const action = (type: string, ...components: unknown[]) => ({ type, components });
const depth = (conductor: unknown, more: { key: string; value: unknown }[] = []) =>
  waitingDepthOf({ annotations: [{ key: "conductor", value: conductor }, ...more] });

test("stages are counted by how deep they are nested, wherever they stand in the composition", () => {
  const leaf = { type: "action", name: "/_/a" };
  assert.equal(depth(action("sequence", leaf, leaf)), 0);
  assert.equal(depth(action("parallel", leaf, leaf)), 1);
  assert.equal(depth(action("sequence", action("map", leaf), action("parallel", leaf))), 1, "one after the other");
  const tried = {
    type: "try",
    body: action("par", leaf, { type: "if", test: leaf, consequent: action("map", leaf), alternate: leaf }),
    handler: leaf,
  };
  assert.equal(depth(tried), 2);
});

test("an action that only says that it is a conductor, and one of ours, hold nothing while they wait", () => {
  assert.equal(depth(true), 0);
  assert.equal(depth(action("parallel", {}), [{ key: "harvest-dag", value: { v: 1 } }]), 0);
});
