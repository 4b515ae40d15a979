import assert from "node:assert/strict";
import { test } from "node:test";
import { scopeIn } from "./pauses.js";

const own = async () => "guest";

test("a target names a namespace or an action, `_` being one's own", async () => {
  assert.deepEqual(await scopeIn("/_", {}, own), { namespace: "guest" });
  assert.deepEqual(await scopeIn("/other", {}, own), { namespace: "other" });
  assert.deepEqual(await scopeIn("/_/aes", {}, own), { namespace: "guest", action: "aes" });
  assert.deepEqual(await scopeIn("/a@b.c/pkg/aes-0", {}, own), { namespace: "a@b.c", action: "pkg/aes-0" });
  assert.deepEqual(await scopeIn(undefined, { all: true }, own), {});
});

test("everything is only paused when it is said so", async () => {
  for (const target of [undefined, "", "/", "aes", "/a/b/c/d", "//a", "/a/"])
    await assert.rejects(scopeIn(target, {}, own), { code: "OWH_BAD_REQUEST" }, String(target));
  await assert.rejects(scopeIn("/_", { all: true }, own), { code: "OWH_BAD_REQUEST" });
});
