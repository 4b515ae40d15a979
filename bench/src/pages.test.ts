import assert from "node:assert/strict";
import { test } from "node:test";
import { pageOf, sectionsOf } from "./pages.js";

const page = "# Benchmarks\n\n## A\n\n| a |\n\n## B\n\nb\n\n## Gone\n\nx\n";

test("a page is its sections, by title", () => {
  assert.deepEqual([...sectionsOf(page).keys()], ["A", "B", "Gone"]);
  assert.equal(sectionsOf(page).get("A"), "## A\n\n| a |\n");
});

test("what was run is new, what was not keeps its section, and what no bench is called goes", () => {
  const written = new Map([["B", "## B\n\nnew\n"]]);
  assert.equal(pageOf("# Head\n", ["A", "B", "C"], written, page), "# Head\n\n## A\n\n| a |\n\n## B\n\nnew\n");
});
