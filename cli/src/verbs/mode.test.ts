/** `harvest mode` as a process of its own, on a Redis and documents without a stack. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { withProfiling } from "@openwhisk-harvest/core";
import { openStores, RedisAllocationStore, type RedisProcess, startRedis } from "@openwhisk-harvest/stores";

const HARVEST = fileURLToPath(new URL("../../bin/harvest.js", import.meta.url));
const dataDir = mkdtempSync(join(tmpdir(), "harvest-mode-"));
let redis: RedisProcess;
before(async () => {
  redis = await startRedis({ dataDir });
  await openStores({ dataDir }).close();
});
after(async () => {
  await redis.close();
  rmSync(dataDir, { recursive: true, force: true });
});

function mode(...words: string[]) {
  const given = ["--data-dir", dataDir, "--set", `redis.url=${redis.url}`, "--set", `redis.composerUrl=${redis.composerUrl}`];
  return spawnSync(process.execPath, [HARVEST, "mode", ...words, ...given], { encoding: "utf8", timeout: 60_000 });
}

test("a namespace's mode is set with a warning where nothing is deployed, and cleared, with a profiling that holds it", async () => {
  const set = mode("harvest", "--namespace", "nobody", "--json");
  assert.match(set.stderr, /^warning: no workflow is deployed in nobody/);
  const store = await RedisAllocationStore.connect({ url: redis.url, timeoutMs: 5_000, ttlMs: 1_000 });
  try {
    const held = withProfiling(JSON.parse(set.stdout), "nobody", Date.now() + 600_000);
    await store.setModes(held);
    assert.match(mode().stdout, /ok: nobody: harvest\nok: nobody: held in mode profile until /);
    assert.equal(mode("--namespace", "nobody", "--clear").status, 0);
    assert.deepEqual(await store.modes(), { v: 1, global: "observe", namespaces: {} });
  } finally {
    await store.close();
  }
});

test("what can be no namespace is refused, and so is --clear without one, or beside a mode", () => {
  for (const words of [["harvest", "--namespace", "a/b"], ["--clear"], ["harvest", "--namespace", "a", "--clear"]]) {
    const { status, stderr } = mode(...words);
    assert.equal(status, 1, words.join(" "));
    assert.match(stderr, /OWH_BAD_REQUEST/);
  }
});
