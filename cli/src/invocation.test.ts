import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { parameterOf, paramsFrom } from "./invocation.js";

const folder = mkdtempSync(join(tmpdir(), "harvest-invoke-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, "input.json");

test("a parameter's value is JSON, or else text", () => {
  for (const [text, expected] of [
    ["a=1", ["a", 1]],
    ["a=", ["a", ""]],
    ["a=b=c", ["a", "b=c"]],
    ["a=null", ["a", null]],
    ["a=[1,2]", ["a", [1, 2]]],
    ['a="1"', ["a", "1"]],
    ["text=to be encrypted", ["text", "to be encrypted"]],
  ] as const)
    assert.deepEqual(parameterOf(text), expected);
  for (const text of ["", "a", "=1"]) assert.throws(() => parameterOf(text), { code: "OWH_BAD_REQUEST" }, text);
});

test("parameters win over the file's, and a file is one JSON object", () => {
  writeFileSync(file, '{"a": 1, "b": 2}');
  assert.deepEqual(paramsFrom(file, [parameterOf("b=3")]), { a: 1, b: 3 });
  for (const text of ["[1]", "null", "{", "1", ""]) {
    writeFileSync(file, text);
    assert.throws(() => paramsFrom(file, []), { code: "OWH_BAD_REQUEST", message: /no JSON object/ }, text);
  }
  assert.throws(() => paramsFrom(join(folder, "none"), []), { code: "OWH_BAD_REQUEST", message: /cannot be read/ });
});
