/** What the user `composer`, whose address lies beside user code, can reach: the same on both servers. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { startTestRedis, type TestRedis, withoutRedis } from "@openwhisk-harvest/testkit/redis";
import { Redis } from "ioredis";
import { RawClient } from "./raw-client.kit.js";

/** Everything that would read, change or stop what is not composer's. */
const FORBIDDEN: readonly (readonly string[])[] = [
  ["GET", "composer/x"],
  ["SET", "composer/x", "1"],
  ["HGET", "composer/x", "f"],
  ["HMGET", "harvest:alloc:0", "f"],
  ["GET", "harvest:mode"],
  ["SET", "harvest:mode", "{}"],
  ["XADD", "harvest:events", "*", "f", "v"],
  ["XRANGE", "harvest:events", "-", "+"],
  ["SHUTDOWN", "NOSAVE"],
  ["CLIENT", "LIST"],
  ["CLIENT", "KILL", "ID", "1"],
  ["COMMAND"],
];

/** Commands that only redis-server has. */
const FORBIDDEN_THERE: readonly (readonly string[])[] = [
  ["KEYS", "*"],
  ["SCAN", "0"],
  ["FLUSHALL"],
  ["CONFIG", "GET", "*"],
  ["ACL", "LIST"],
  ["EVAL", "return 1", "0"],
  ["SUBSCRIBE", "x"],
  ["MONITOR"],
  ["REPLICAOF", "127.0.0.1", "1"],
];

const OTHER_KEYS: readonly (readonly string[])[] = [
  ["HGETALL", "harvest:alloc:0"],
  ["HSET", "harvest:alloc:0", "f", "v"],
  ["RPUSH", "harvest:list", "x"],
  ["LRANGE", "harvest:alloc:0", "0", "-1"],
  ["DEL", "harvest:mode"],
  ["DEL", "composer/x", "harvest:mode"],
  ["EXISTS", "harvest:mode"],
  ["EXPIRE", "harvest:mode", "1"],
  ["RENAME", "harvest:mode", "composer/stolen"],
  ["RENAME", "composer/x", "harvest:mode"],
  ["LPUSH", "composer", "x"],
  ["LPUSH", "", "x"],
  ["BRPOP", "composer/x", "harvest:list", "1"],
  ["BLMOVE", "harvest:list", "composer/x", "LEFT", "LEFT", "1"],
  ["BLMOVE", "composer/x", "harvest:list", "LEFT", "LEFT", "1"],
];

for (const kind of ["redis-server", "embedded"] as const)
  describe(`the user composer: ${kind}`, { skip: withoutRedis(kind) }, () => {
    let server: TestRedis;
    let composer: Redis;
    let operator: Redis;
    before(async () => {
      server = await startTestRedis(kind);
      composer = new Redis(server.composerUrl);
      operator = new Redis(server.url);
      await operator.set("harvest:mode", "kept");
      await operator.lpush("harvest:list", "kept");
    });
    after(async () => {
      composer.disconnect();
      operator.disconnect();
      await server.close();
    });

    it("forks and joins", async () => {
      assert.equal(await composer.lpush("composer/fork/1", "42"), 1);
      assert.equal(await composer.expire("composer/fork/1", 86_400), 1);
      assert.equal(await composer.lpushx("composer/fork/1", "result"), 2);
      assert.equal(await composer.rename("composer/fork/1", "composer/join/1"), "OK");
      assert.deepEqual(await composer.brpop("composer/join/1", 1), ["composer/join/1", "42"]);
      assert.deepEqual(await composer.lrange("composer/join/1", 0, -1), ["result"]);
      assert.equal(await composer.llen("composer/join/1"), 1);
      assert.equal(await composer.lrem("composer/join/1", 0, "none"), 0);
      assert.equal(await composer.blmove("composer/join/1", "composer/x", "RIGHT", "LEFT", 1), "result");
      assert.equal(await composer.exists("composer/x"), 1);
      assert.equal(await composer.del("composer/x"), 1);
    });

    it("opens and ends a stage as composer-plugin's hook does", async () => {
      assert.deepEqual(await composer.multi().hset("composer/fork/2", "marker", "42").expire("composer/fork/2", 86_400).exec(), [
        [null, 1],
        [null, 1],
      ]);
      const ended = await composer.multi().hset("composer/fork/2", "0", "1", "count", "1").hgetall("composer/fork/2").exec();
      assert.deepEqual(ended?.[1], [null, { marker: "42", "0": "1", count: "1" }]);
      await composer.multi().rpush("composer/join/2", "1").expire("composer/join/2", 86_400).exec();
      assert.deepEqual(await composer.brpop("composer/join/2", 1), ["composer/join/2", "1"]);
      assert.equal(await composer.del("composer/fork/2", "composer/join/2"), 1);
    });

    it("may not reach other keys within a transaction either", async () => {
      await assert.rejects(composer.multi().del("composer/x").del("harvest:mode").exec(), /NOPERM|EXECABORT/);
      assert.equal(await operator.get("harvest:mode"), "kept");
    });

    for (const [name, ...words] of [...FORBIDDEN, ...(kind === "redis-server" ? FORBIDDEN_THERE : [])])
      it(`may not ${name} ${words.join(" ")}`, async () => {
        await assert.rejects(composer.call(name as string, ...words), /^ReplyError: NOPERM .* no permissions to run the '/);
      });

    if (kind === "embedded")
      for (const [name, ...words] of FORBIDDEN_THERE)
        it(`knows no ${name}`, async () => {
          const client = await RawClient.loggedIn(server.composerUrl, 2);
          assert.match(await client.ask([[name as string, ...words]]), /^-ERR unknown command/);
          client.close();
        });

    for (const [name, ...words] of OTHER_KEYS)
      it(`may not reach other keys: ${name} ${words.join(" ")}`, async () => {
        await assert.rejects(composer.call(name as string, ...words), /^ReplyError: NOPERM .* permissions to access one of the keys/);
        assert.equal(await operator.get("harvest:mode"), "kept");
        assert.deepEqual(await operator.lrange("harvest:list", 0, -1), ["kept"]);
      });

    it("becomes no other user by HELLO or AUTH without a password", async () => {
      const { password } = new URL(server.composerUrl);
      for (const words of [
        ["AUTH", password],
        ["AUTH", "default", password],
        ["AUTH", "default", ""],
        ["HELLO", "3", "AUTH", "default", password],
      ]) {
        const client = await RawClient.loggedIn(server.composerUrl, 2);
        assert.match(await client.ask([words]), /^-WRONGPASS /);
        assert.match(await client.ask([["GET", "harvest:mode"]]), /^-NOPERM /);
        client.close();
      }
    });

    it("nothing is given without logging in", async () => {
      const client = await RawClient.to(server.url);
      client.socket.write("PING\r\nGET harvest:mode\r\nHELLO 3\r\nINFO\r\nNOSUCH\r\nQUIT\r\n");
      const [ping, get, hello, info, unknown, quit] = (await client.untilClosed()).split("\r\n");
      assert.deepEqual([ping, get, info], Array(3).fill("-NOAUTH Authentication required."));
      assert.match(hello as string, /^-NOAUTH HELLO must be called/);
      assert.match(unknown as string, /^-(?:NOAUTH|ERR unknown command)/);
      assert.equal(quit, "+OK");
    });

    it("without logging in only small requests are taken", async () => {
      for (const [request, error] of [
        ["*11\r\n", "unauthenticated multibulk length"],
        ["*1\r\n$16385\r\n", "unauthenticated bulk length"],
      ] as const) {
        const client = await RawClient.to(server.url);
        client.socket.write(request);
        assert.equal(await client.untilClosed(), `-ERR Protocol error: ${error}\r\n`);
      }
    });
  });
