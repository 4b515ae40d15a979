/** A Redis at a Unix socket, as `redis.url` names it: with a password, without one, and away. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { eventually } from "@openwhisk-harvest/testkit";
import { withoutRedisServer } from "@openwhisk-harvest/testkit/redis";
import { RedisAllocationStore } from "./redis-allocation-store.js";
import { redisClient } from "./redis-client.js";

test("unix: reaches a redis-server by its socket alone", { skip: withoutRedisServer() }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "harvest socket-"));
  const path = join(folder, "r.sock");
  const words = ["--port", "0", "--unixsocket", path, "--save", "", "--user", "u", "on", ">p@ss/word", "~*", "&*", "+@all"];
  const server = spawn("redis-server", words, { cwd: folder, stdio: "ignore" });
  try {
    const plain = redisClient(`unix:${path.replaceAll(" ", "%20")}`);
    plain.on("error", () => undefined); // until it listens
    await eventually(() => plain.ping().catch(() => undefined), "it answers without a user");
    const user = redisClient(`unix://u:p%40ss%2Fword@${path.replaceAll(" ", "%20")}?db=3`);
    assert.match(String(await user.client("INFO")), / db=3 .* user=u /);
    const store = await RedisAllocationStore.connect({ url: `unix://u:p%40ss%2Fword@${path}`, timeoutMs: 5_000, ttlMs: 1_000 });
    await store.setModes({ v: 1, global: "harvest", namespaces: {} });
    assert.equal(await plain.exists("harvest:mode"), 1);
    for (const redis of [plain, user]) redis.disconnect();
    server.kill("SIGKILL");
    await once(server, "exit");
    await assert.rejects(store.modes(), { code: "OWH_STORE_UNAVAILABLE" });
    await store.close();
  } finally {
    server.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
});

test("what is no address of a socket is refused", () => {
  assert.throws(() => redisClient("unix:relative"), { code: "OWH_BAD_CONFIG", message: /absolute path/ });
});
