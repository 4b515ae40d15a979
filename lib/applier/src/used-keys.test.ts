import assert from "node:assert/strict";
import { test } from "node:test";
import { HandClock } from "@openwhisk-harvest/testkit";
import { UsedKeys } from "./used-keys.js";

test("used keys count once, expire, and are bounded", () => {
  const clock = new HandClock();
  const keys = new UsedKeys(100, clock, 3);
  assert.deepEqual([keys.use("a"), keys.use("a")], [true, false]);
  clock.move(100);
  assert.equal(keys.use("a"), false);
  clock.move(1);
  assert.equal(keys.use("a"), true);
  for (const key of ["b", "c", "d", "e"]) keys.use(key);
  assert.deepEqual(
    ["c", "d", "e", "b"].map((key) => keys.use(key)),
    [false, false, false, true],
    "the oldest of four is forgotten",
  );
});
