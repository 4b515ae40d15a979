import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "./eventually.js";

test("resolves with what it finds, zero and empty text included", async () => {
  let looks = 0;
  assert.equal(await eventually(() => (++looks < 5 ? undefined : "there"), "the fifth look"), "there");
  assert.equal(looks, 5);
  assert.equal(await eventually(async () => 0, "a number"), 0);
  assert.equal(await eventually(() => "", "a text"), "");
});

test("says what was waited for when there is nothing in time", async () => {
  await assert.rejects(
    eventually(() => false, "a door opens", 0),
    { message: "Not within 0 ms: a door opens" },
  );
});

test("ends at once with what a look throws", async () => {
  let looks = 0;
  const look = () => {
    looks++;
    throw new RangeError("broken");
  };
  await assert.rejects(eventually(look, "never"), RangeError);
  assert.equal(looks, 1);
});
