import assert from "node:assert/strict";
import { test } from "node:test";
import { isName, resolveName } from "./entity-name.js";

test("names as OpenWhisk allows them", () => {
  for (const name of ["a", "_", "a b", "a.b", "a@b", "a-b&c", "9", "a".repeat(256)]) assert.equal(isName(name), true, name);
  for (const name of ["", " a", "a ", "-a", "a/b", "ä", "a\n", "a".repeat(257)]) assert.equal(isName(name), false, JSON.stringify(name));
});

test("a name is resolved for a user", () => {
  const table: [unknown, string | undefined][] = [
    ["a", "guest a"],
    ["p/a", "guest p/a"],
    ["/ns/a", "ns a"],
    ["/ns/p/a", "ns p/a"],
    ["ns/p/a", "ns p/a"],
    ["/_/a", "guest a"],
    ["/_/p/a", "guest p/a"],
    ["/a", undefined],
    ["", undefined],
    ["/", undefined],
    ["a//b", undefined],
    ["/a/b/c/d", undefined],
    [1, undefined],
    [null, undefined],
  ];
  for (const [value, expected] of table) {
    const name = resolveName(value, "guest");
    assert.equal(name && `${name.namespace} ${name.name}`, expected, JSON.stringify(value));
  }
});
