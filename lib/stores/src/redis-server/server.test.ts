/** The embedded server against hostile clients, and against its own end. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { eventually } from "@openwhisk-harvest/testkit";
import { startTestRedis, type TestRedis } from "@openwhisk-harvest/testkit/redis";
import fc from "fast-check";
import { Redis } from "ioredis";
import { RawClient } from "./raw-client.kit.js";
import type { ServerSettings } from "./settings.js";

describe("embedded Redis", () => {
  let server: TestRedis;
  before(async () => {
    server = await startTestRedis("embedded");
  });
  after(() => server.close());

  it("random bytes, before and after logging in, never end it", async () => {
    const pid = server.pid();
    const fragment = fc.oneof(
      fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
      fc
        .constantFrom("*3\r\n$3\r\nSET\r\n", "$1\r\na\r\n", "*2\r\n", "$-1\r\n", "BRPOP a 0\r\n", "MULTI\r\n", "EXEC\r\n", "XREAD\r\n")
        .map(Buffer.from),
      fc
        .constantFrom("XREAD STREAMS\r\n", "LRANGE a 0 1e9\r\n", "HELLO 3\r\n", "CLIENT\r\n", "LMOVE a b\r\n", "XADD a MAXLEN ~\r\n")
        .map(Buffer.from),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fragment, { maxLength: 12 }), fc.boolean(), async (fragments, loggedIn) => {
        const client = loggedIn ? await RawClient.loggedIn(server.url, 3) : await RawClient.to(server.url);
        for (const bytes of fragments) client.socket.write(bytes);
        client.socket.end();
        await client.untilClosed();
      }),
      { numRuns: 200 },
    );
    const client = await RawClient.loggedIn(server.url, 2);
    assert.equal(await client.ask([["PING"]]), "+PONG\r\n");
    client.close();
    assert.equal(server.pid(), pid);
  });

  it("a protocol error is answered and ends the connection, after the answers before it", async () => {
    const client = await RawClient.loggedIn(server.url, 2);
    client.socket.write("PING\r\n*1\r\nPING\r\nPING\r\n");
    assert.equal(await client.untilClosed(), "+PONG\r\n-ERR Protocol error: expected '$', got 'P'\r\n");
  });

  it("a request beyond 64 MB is refused by its announcement", async () => {
    const client = await RawClient.loggedIn(server.url, 2);
    client.socket.write(`*3\r\n$3\r\nSET\r\n$1\r\na\r\n$${(64 << 20) + 1}\r\n`);
    assert.match(await client.untilClosed(), /^-ERR Protocol error: invalid bulk length/);
  });

  it("QUIT answers and hangs up", async () => {
    const client = await RawClient.loggedIn(server.url, 2);
    client.socket.write("QUIT\r\nPING\r\n");
    assert.equal(await client.untilClosed(), "+OK\r\n");
  });

  it("a client that never reads its answers is dropped, and the others go on", async () => {
    const redis = new Redis(server.url);
    await redis.set("large", "x".repeat(1 << 20));
    const greedy = await RawClient.loggedIn(server.url, 2);
    greedy.socket.pause();
    for (let n = 0; n < 200; n++) greedy.socket.write("GET large\r\n");
    await eventually(async () => {
      assert.equal(await redis.ping(), "PONG");
      greedy.socket.write("PING\r\n");
      return greedy.socket.destroyed;
    }, "the drop");
    await greedy.closed;
    redis.disconnect();
  });
});

describe("embedded Redis as a process", () => {
  const MAIN = fileURLToPath(new URL("./main.js", import.meta.url));
  let folder: string;
  let settings: ServerSettings;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "harvest-main-"));
    settings = { port: 0, aofFile: join(folder, "x.aof"), passwords: { default: "d", composer: "c" } };
  });
  after(() => rmSync(folder, { recursive: true }));

  function run(input: string) {
    const child = spawn(process.execPath, [MAIN], { stdio: ["pipe", "pipe", "pipe"], env: {} });
    child.stdin.write(input);
    return child;
  }

  async function portOf(child: ReturnType<typeof run>): Promise<number> {
    const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
    return (JSON.parse(line) as { port: number }).port;
  }

  it("ends when its standard input closes, and on SIGTERM and SHUTDOWN, with its data written", async () => {
    for (const end of ["stdin", "SIGTERM", "SHUTDOWN"]) {
      const child = run(`${JSON.stringify(settings)}\n`);
      const exited = once(child, "exit");
      const client = await RawClient.loggedIn(`redis://default:d@127.0.0.1:${await portOf(child)}`, 2);
      await client.ask([["SET", end, "1"]]);
      if (end === "stdin") child.stdin.end();
      else if (end === "SIGTERM") child.kill("SIGTERM");
      else client.socket.write("SHUTDOWN\r\n");
      assert.deepEqual(await exited, [0, null], end);
      client.close();
      assert.match(readFileSync(settings.aofFile, "utf8"), new RegExp(end));
    }
  });

  it("does not start on damaged data, and says so", async () => {
    const aofFile = join(folder, "damaged.aof");
    for (const [damage, said] of [
      ["*1\r\nx", /damaged behind byte 0/],
      ["*2\r\n$3\r\nGET\r\n", undefined],
      ["*1\r\n$5\r\nNOSUC\r\n", /changes no key/],
      ["*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n*3\r\n$5\r\nLPUSH\r\n$1\r\na\r\n$1\r\n1\r\n", /does not replay: WRONGTYPE/],
    ] as const) {
      writeFileSync(aofFile, damage);
      const child = run(`${JSON.stringify({ ...settings, aofFile })}\n`);
      const exited = once(child, "exit");
      let errors = "";
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        errors += text;
      });
      if (said) {
        assert.deepEqual(await exited, [1, null]);
        assert.match(errors, said);
      } else {
        assert.ok((await portOf(child)) > 0); // a torn last record is no damage
        child.kill("SIGTERM");
        await exited;
      }
    }
  });
});
