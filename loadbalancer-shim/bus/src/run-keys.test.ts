/** The keys that agents look up, from a message to a real Redis: an embedded one of its own. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openRunKeyWriter, startRedis } from "@openwhisk-harvest/stores";
import { Redis } from "ioredis";
import { RunKeys } from "./run-keys.js";

const R = "0".repeat(32);
const k = `${R}:/[0]:0`;

test("keys expire, and a Redis that is gone holds no activation up", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "harvest-run-keys-"));
  const redis = await startRedis({ dataDir, preferSystem: false });
  const writer = await openRunKeyWriter({ url: redis.url, timeoutMs: 500, ttlMs: 60_000 });
  const client = new Redis(redis.url);
  try {
    const entries = new RunKeys().entries({ activationId: "a".repeat(32), cause: "c".repeat(32) }, { component: { k, d: "dec" } });
    assert.equal(await writer.put(entries), true);
    const key = `harvest:act:${"a".repeat(32)}`;
    assert.deepEqual(JSON.parse((await client.get(key)) ?? "null"), { v: 1, k, d: "dec" });
    const ttlMs = await client.pttl(key);
    assert.ok(ttlMs > 0 && ttlMs <= 60_000);
    await redis.close();
    assert.equal(await writer.put(entries), false);
  } finally {
    client.disconnect();
    await writer.close();
    await redis.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
});

test("a malformed key, and keys outside of a composition, are not written", () => {
  const keys = new RunKeys();
  const ids = { activationId: "a".repeat(32), cause: "c".repeat(32) };
  assert.deepEqual(keys.entries(ids, { component: { k: "../../etc" } }), []);
  assert.deepEqual(keys.entries(ids, { conductor: { root: "short", trail: "" } }), []);
  assert.deepEqual(keys.entries({ activationId: ids.activationId }, { component: { k } }), []);
  assert.deepEqual(keys.entries(ids, {}), [], "a session of a conductor shares no key");
});
