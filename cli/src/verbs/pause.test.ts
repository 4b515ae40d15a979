import assert from "node:assert/strict";
import { test } from "node:test";
import { scopeIn } from "./pause.js";

const own = () => "guest";

test("a target names a namespace or an action, `_` being one's own", () => {
  assert.deepEqual(scopeIn("/_", {}, own), { namespace: "guest" });
  assert.deepEqual(scopeIn("/other", {}, own), { namespace: "other" });
  assert.deepEqual(scopeIn("/_/aes", {}, own), { namespace: "guest", action: "aes" });
  assert.deepEqual(scopeIn("/a@b.c/pkg/aes-0", {}, own), { namespace: "a@b.c", action: "pkg/aes-0" });
  assert.deepEqual(scopeIn(undefined, { all: true }, own), {});
});

test("everything is only paused when it is said so", () => {
  for (const target of [undefined, "", "/", "aes", "/a/b/c/d", "//a", "/a/"])
    assert.throws(() => scopeIn(target, {}, own), { code: "OWH_BAD_REQUEST" }, String(target));
  assert.throws(() => scopeIn("/_", { all: true }, own), { code: "OWH_BAD_REQUEST" });
});
