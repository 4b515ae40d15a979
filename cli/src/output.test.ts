import assert from "node:assert/strict";
import { test } from "node:test";
import { type Column, listText } from "./output.js";

interface Row {
  readonly name: string;
  readonly ms?: number;
}
const columns: Column<Row>[] = [
  { head: "name", of: ({ name }) => name },
  { head: "ms", of: ({ ms }) => ms, right: true },
];
const rows: Row[] = [{ name: "aes", ms: 1200 }, { name: "resize" }];

test("a table is aligned, names to the left and numbers to the right", () => {
  assert.equal(listText(columns, rows, {}, "nothing"), "name      ms\naes     1200\nresize     -\n");
  assert.equal(listText(columns, [], {}, "no runs"), "no runs\n");
});

test("CSV quotes what needs it, and lets no name be taken for a formula", () => {
  const odd = ['a,b "c"', "=1+1", "@x", "line\nbreak"].map((name) => ({ name, ms: -5 }));
  assert.equal(listText(columns, odd, { csv: true }, ""), 'name,ms\r\n"a,b ""c""",-5\r\n\'=1+1,-5\r\n\'@x,-5\r\n"line\nbreak",-5\r\n');
  assert.equal(listText(columns, [], { csv: true }, "nothing"), "name,ms\r\n", "an empty list is a head, and no words");
});

test("JSON is the rows themselves, on one line", () => {
  assert.deepEqual(JSON.parse(listText(columns, rows, { json: true }, "")), rows);
  assert.equal(listText(columns, [], { json: true }, "nothing"), "[]\n");
});
