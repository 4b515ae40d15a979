import assert from "node:assert/strict";
import { test } from "node:test";
import { versionToPin } from "./pin.js";

test("a rollback goes to the version before the one in use, by number and not by text", () => {
  assert.equal(versionToPin(["1", "2", "9", "10"], "10"), "9");
  assert.equal(versionToPin(["10", "1", "9", "2"], "9"), "2", "a second rollback goes on from the pinned one");
  assert.equal(versionToPin(["3", "7"], "5"), "3");
});

test("a rollback goes to any stored version that is asked for, forwards, too", () => {
  assert.equal(versionToPin(["1", "2", "3"], "2", "3"), "3");
  assert.throws(() => versionToPin(["1", "2"], "2", "3"), { code: "OWH_NOT_FOUND", message: /1, 2/ });
});

test("a rollback without anything before is refused", () => {
  assert.throws(() => versionToPin(["1", "2"], "1"), { code: "OWH_NOT_FOUND", message: /before 1/ });
  assert.throws(() => versionToPin([], undefined), { code: "OWH_NOT_FOUND", message: /trained/ });
});
