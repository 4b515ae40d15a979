import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

test("the demo refuses a folder that it could not write its result into, before it does anything", () => {
  const harvest = fileURLToPath(new URL("../../bin/harvest.js", import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [harvest, "demo", "--quick", "--out", "/proc/nope"], {
    encoding: "utf8",
    timeout: 60_000,
  });
  assert.deepEqual([status, stdout], [1, ""]);
  assert.match(stderr, /^error: --out: \/proc\/nope is no folder .*OWH_BAD_CONFIG/);
});
