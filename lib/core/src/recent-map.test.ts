import assert from "node:assert/strict";
import { test } from "node:test";
import { RecentMap } from "./recent-map.js";

test("the entry that was used longest ago goes first when there are too many", () => {
  const map = new RecentMap<number>({ maxEntries: 2 });
  map.set("a", 1);
  map.set("b", 2);
  map.set("a", 1);
  map.set("c", 3);
  assert.deepEqual([map.get("a"), map.get("b"), map.get("c"), map.size], [1, undefined, 3, 2]);
});

test("an entry is good until a while after its last use, and then makes room by itself", () => {
  const map = new RecentMap<number>({ maxEntries: 10, ttlMs: 100 });
  map.set("a", 1, 0);
  map.set("b", 2, 50);
  assert.deepEqual([map.get("a", 100), map.get("a", 101)], [1, undefined]);
  map.set("c", 3, 140);
  assert.equal(map.size, 2, "what has expired is gone with the next entry");
  map.set("b", 2, 140);
  assert.equal(map.get("b", 240), 2, "renewed");
});
