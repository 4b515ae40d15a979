import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const HARVEST = fileURLToPath(new URL("../../bin/harvest.js", import.meta.url));

test("the configuration is printed without keys and passwords", () => {
  const settings = ["openwhisk.auth=u:hidden", "doctor.auth=u:hidden", "redis.url=redis://default:hidden@host:6379"];
  const words = ["config", "print", ...settings.flatMap((one) => ["--set", one])];
  const { stdout, status } = spawnSync(process.execPath, [HARVEST, ...words], { encoding: "utf8", timeout: 60_000 });
  assert.equal(status, 0);
  assert.doesNotMatch(stdout, /hidden/);
  assert.match(stdout, /redis:\/\/\*\*\*@host:6379/);
});

test("a reader that has gone is no error: harvest config options | head", () => {
  const pipe = `"${process.execPath}" "${HARVEST}" config options | true; echo "status \${PIPESTATUS[0]}"`;
  const { stdout, stderr } = spawnSync("bash", ["-c", pipe], { encoding: "utf8", timeout: 60_000 });
  assert.deepEqual([stdout, stderr], ["status 0\n", ""]);
});
