import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatHookCounts, HOOK_OUTCOMES, parseHookCounts } from "./hook-counts.js";

test("counts come back as they were sent, up to what is believed", () => {
  const counts = fc.dictionary(fc.constantFrom(...HOOK_OUTCOMES), fc.integer({ min: 0, max: 20_000 }), { noNullPrototype: true });
  fc.assert(
    fc.property(counts, (sent) => {
      const believed = Object.fromEntries(Object.entries(sent).map(([name, count]) => [name, Math.min(count, 10_000)]));
      assert.deepEqual(parseHookCounts(formatHookCounts(sent)), believed);
    }),
  );
  assert.equal(formatHookCounts({}), undefined);
});

test("nothing is read from what is no such header", () => {
  for (const header of [
    undefined,
    1,
    "",
    "late",
    "late=x",
    "late=-1",
    "late=1e9",
    "constructor=1",
    "late=1;",
    "late=9999999999",
    ["late=1"],
  ])
    assert.deepEqual(parseHookCounts(header), {}, String(header));
  assert.deepEqual(parseHookCounts("late=1,nonsense=2,failed=3"), { late: 1, failed: 3 });
  assert.deepEqual(parseHookCounts("late=1,".repeat(100)), {}, "too long a header is not read");
});
