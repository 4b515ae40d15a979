/** What composer's generated conductors require (composer-and-runtimes, 1.3 and 1.4), used as they use it. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startRedis } from "@openwhisk-harvest/stores";
import { archive, runtimeWith } from "./runtime.kit.js";

test("redis 3 with callbacks and redis-commands do a fork and its join, at a Redis of the stack, as its user composer", async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), "owh-redis-"));
  const redis = await startRedis({ dataDir });
  t.after(async () => {
    await redis.close();
    await rm(dataDir, { recursive: true, force: true });
  });
  const runtime = await runtimeWith(
    t,
    `const { promisify } = require('util'); const redis = require('redis'); const { list } = require('redis-commands');
     async function main({ uri }) {
       const client = redis.createClient(uri, {}); const db = {};
       for (const name of list) if (client[name]) db[name] = promisify(client[name]).bind(client);
       await db.lpush('composer/fork/1', 42); await db.expire('composer/fork/1', 60);
       const lengths = [await db.lpushx('composer/fork/1', 'a'), await db.lpushx('composer/fork/1', 'b')];
       await db.rename('composer/fork/1', 'composer/join/1');
       const marker = await db.brpop('composer/join/1', 5); const rest = await db.lrange('composer/join/1', 0, -1);
       await db.del('composer/join/1'); client.end(true);
       return { commands: list.length > 100, lengths, marker, rest } }`,
  );
  assert.deepEqual((await runtime.run({ uri: redis.composerUrl })).body, {
    commands: true,
    lengths: [2, 3],
    marker: ["composer/join/1", "42"],
    rest: ["b", "a"],
  });
});

test("uuid is there whole", async (t) => {
  const runtime = await runtimeWith(
    t,
    `const uuid = require('uuid'); function main() {
       return { v4: uuid.v4(), v5: uuid.v5('hello', uuid.v5.URL), valid: uuid.validate(uuid.v1()), nil: uuid.NIL, version: uuid.version(uuid.v4()) } }`,
  );
  const { v4, ...rest } = (await runtime.run({})).body as Record<string, unknown>;
  assert.match(String(v4), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.deepEqual(rest, {
    v5: "074171de-bc84-5ea4-b636-1135477620e1",
    valid: true,
    nil: "00000000-0000-0000-0000-000000000000",
    version: 4,
  });
});

test("files that a Unix archiver stored as executable can be executed, and others cannot", async (t) => {
  const tool = "#!/bin/sh\necho it runs\n";
  const index = `const { execFileSync } = require('child_process');
    const attempt = (file) => { try { return execFileSync('./' + file, { encoding: 'utf8' }) } catch (e) { return e.code } };
    exports.main = () => ({ tool: attempt('bin/tool'), plain: attempt('bin/plain') })`;
  const code = archive({ "index.js": index, "bin/tool": [tool, 0o755], "bin/plain": [tool, 0o644] });
  const runtime = await runtimeWith(t, code, { binary: true });
  assert.deepEqual((await runtime.run({})).body, { tool: "it runs\n", plain: "EACCES" });
});
