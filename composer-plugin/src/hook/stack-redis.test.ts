/** The hook joins over the Redis of `stores` as well, system's or embedded, as its user `composer`, and through its death. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startRedis } from "@openwhisk-harvest/stores";
import { withoutRedisServer } from "@openwhisk-harvest/testkit/redis";
import { c, hookedConductor } from "../conductors.kit.js";
import { TestOpenWhisk } from "../openwhisk.kit.js";

for (const [kind, preferSystem, skip] of [
  ["redis-server", true, withoutRedisServer()],
  ["embedded", false, false],
] as const)
  test(`Verifies that stages are joined over the stack's own Redis (${kind}), killed and not killed`, { skip }, async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "composer-stack-"));
    const redis = await startRedis({ dataDir, preferSystem });
    assert.equal(redis.kind, kind);
    const whisk = await new TestOpenWhisk().start();
    whisk.component("work", async (params) => {
      await sleep(Number(params["ms"])); // the branches end at different times, before, during and after the kill
      return { did: params["ms"] };
    });
    whisk.conductor("test", await hookedConductor(c.map("work"), { redisUrl: redis.composerUrl }));
    const value = Array.from({ length: 6 }, (_, n) => ({ ms: n * 100 }));
    const expected = { value: value.map(({ ms }) => ({ did: ms })) };
    assert.deepEqual(await whisk.run("test", { value }), expected);
    const running = whisk.run("test", { value });
    await sleep(250);
    redis.kill("SIGKILL");
    assert.deepEqual(await running, expected);
    await whisk.stop();
    await redis.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
