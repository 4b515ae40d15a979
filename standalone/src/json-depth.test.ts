import assert from "node:assert/strict";
import { test } from "node:test";
import { isTooDeep, MAX_JSON_DEPTH } from "./json-depth.js";

const nested = (depth: number, open: string, close: string) => JSON.parse(`${open.repeat(depth)}1${close.repeat(depth)}`);

test("arrays and objects count alike, and what stands side by side counts once", () => {
  for (const [open, close] of [
    ["[", "]"],
    ['{"a":', "}"],
    ['[{"b":2,"a":', ',"c":0}]'],
  ] as const) {
    const perTurn = open.startsWith("[{") ? 2 : 1;
    assert.equal(isTooDeep(nested(MAX_JSON_DEPTH / perTurn, open, close)), false);
    assert.equal(isTooDeep(nested(MAX_JSON_DEPTH / perTurn + 1, open, close)), true);
  }
  assert.equal(isTooDeep(Array.from({ length: 100_000 }, () => [{}])), false);
  assert.equal(isTooDeep(nested(500_000, "[", "]")), true);
  for (const value of [null, 1, "x", undefined, {}, []]) assert.equal(isTooDeep(value), false);
});
