import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, it } from "node:test";
import { isAlive } from "@openwhisk-harvest/core";
import { eventually } from "@openwhisk-harvest/testkit";
import { startTestRedis, type TestRedis, withoutRedis } from "@openwhisk-harvest/testkit/redis";
import { Redis } from "ioredis";
import { startRedis } from "./redis-process.js";

const notLinux = process.platform !== "linux" && "needs /proc";

/** A program that starts a Redis, tells where, and then waits to be killed. */
const OWNER = `
  import { startRedis } from ${JSON.stringify(new URL("./redis-process.js", import.meta.url).href)};
  const redis = await startRedis(JSON.parse(process.argv[1]));
  process.stdout.write(JSON.stringify({ pid: redis.pid(), url: redis.url }) + "\\n");
  setInterval(() => undefined, 60_000);
`;

async function ownerOf(dataDir: string, preferSystem: boolean) {
  const options = JSON.stringify({ dataDir, preferSystem });
  const owner = spawn(process.execPath, ["--input-type=module", "-e", OWNER, options], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(createInterface({ input: owner.stdout }), "line")) as [string];
  return { owner, ...(JSON.parse(line) as { pid: number; url: string }) };
}

for (const kind of ["redis-server", "embedded"] as const)
  describe(`Redis process: ${kind}`, { skip: withoutRedis(kind) }, () => {
    let server: TestRedis;
    before(async () => {
      server = await startTestRedis(kind);
    });
    after(() => server.close());

    it("is of the kind that was asked for", () => {
      assert.equal(server.kind, kind);
      assert.ok(isAlive(server.pid() ?? 0));
    });

    it("shows its passwords in no argument list, environment or readable file", { skip: notLinux }, () => {
      const password = new URL(server.url).password;
      const composerPassword = new URL(server.composerUrl).password;
      assert.notEqual(password, composerPassword);
      assert.doesNotMatch(execFileSync("ps", ["-eo", "args"], { encoding: "utf8" }), new RegExp(`${password}|${composerPassword}`));
      assert.doesNotMatch(readFileSync(`/proc/${server.pid()}/environ`, "latin1"), new RegExp(`${password}|${composerPassword}`));
      const folder = join(server.dataDir, "redis");
      assert.equal(statSync(folder).mode & 0o077, 0);
      for (const file of ["credentials.json", "redis.conf"].map((name) => join(folder, name)).filter(existsSync))
        assert.equal(statSync(file).mode & 0o077, 0, file);
    });

    it("listens on loopback alone", { skip: notLinux }, () => {
      const [v4, v6] = ["tcp", "tcp6"].map((file) => readFileSync(`/proc/net/${file}`, "utf8"));
      const port = server.port.toString(16).toUpperCase().padStart(4, "0");
      assert.match(v4 as string, new RegExp(`0100007F:${port} 00000000:0000 0A`));
      assert.doesNotMatch(`${v4}${v6}`, new RegExp(` 0+:${port} `));
    });

    it("refuses a second owner of its folder", async () => {
      await assert.rejects(startRedis({ dataDir: server.dataDir, preferSystem: kind === "redis-server" }), { code: "OWH_CHILD_FAILED" });
      const redis = new Redis(server.url);
      assert.equal(await redis.ping(), "PONG");
      redis.disconnect();
    });

    it("killed again and again, loses nothing it has acknowledged and comes back on its port", async () => {
      const redis = new Redis(server.url, { retryStrategy: () => 10, maxRetriesPerRequest: null });
      redis.on("error", () => undefined); // the kills
      const acknowledged: string[] = [];
      for (let round = 0; round < 3; round++) {
        const killed = server.pid();
        for (let n = 0; n < 300; n++) {
          if (n === 200) server.kill("SIGKILL");
          // A write that was cut off is sent again by ioredis: the same field twice does no harm.
          await redis.hset("h", `${round}-${n}`, n);
          acknowledged.push(`${round}-${n}`);
        }
        assert.notEqual(await eventually(() => server.pid(), "a new process"), killed);
      }
      assert.deepEqual(Object.keys(await redis.hgetall("h")).sort(), acknowledged.sort());
      redis.disconnect();
    });

    it("a join that waits while the server is killed ends right after its return", async () => {
      const options = { retryStrategy: () => 10, maxRetriesPerRequest: null } as const;
      const [waiting, branch] = [new Redis(server.composerUrl, options), new Redis(server.composerUrl, options)];
      for (const redis of [waiting, branch]) redis.on("error", () => undefined); // the kill
      await branch.lpush("composer/fork/1", "42");
      const joined = waiting.brpop("composer/join/1", 0); // ioredis sends it again on the new connection
      await eventually(async () => waiting.status === "ready", "the wait");
      server.kill("SIGKILL");
      await eventually(async () => (await branch.lpushx("composer/fork/1", "result")) >= 2, "the push");
      await branch.rename("composer/fork/1", "composer/join/1");
      assert.deepEqual(await joined, ["composer/join/1", "42"]);
      // More than once if the push was cut off after it was carried out.
      assert.deepEqual([...new Set(await branch.lrange("composer/join/1", 0, -1))], ["result"]);
      for (const redis of [waiting, branch]) redis.disconnect();
    });

    it("ends when its owner is killed, and the next owner finds the data and the passwords", async () => {
      const dataDir = await mkdtemp(join(tmpdir(), "harvest-owner-"));
      const { owner, pid, url } = await ownerOf(dataDir, kind === "redis-server");
      const first = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
      first.on("error", () => undefined); // the server's end
      await first.connect();
      await first.set("a", "1");
      owner.kill("SIGKILL");
      await eventually(() => !isAlive(pid), "the server's end");
      first.disconnect();

      const next = await startRedis({ dataDir, preferSystem: kind === "redis-server" });
      assert.equal(new URL(next.url).password, new URL(url).password);
      const redis = new Redis(next.url);
      assert.equal(await redis.get("a"), "1");
      redis.disconnect();
      await next.close();
      await rm(dataDir, { recursive: true });
    });

    it("close() ends it, also in the middle of a restart", async () => {
      const other = await startTestRedis(kind);
      const pid = other.pid() as number;
      other.kill("SIGKILL");
      await other.close();
      assert.ok(!isAlive(pid));
      assert.equal(other.pid(), undefined);
      const probe = new Redis(other.url, { lazyConnect: true, retryStrategy: () => null });
      probe.on("error", () => undefined); // refused
      await assert.rejects(probe.connect());
    });
  });

describe("Redis process", () => {
  it("falls back to the embedded server where there is no usable redis-server", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "harvest-redis-"));
    for (const binary of ["no-such-redis-server", "true"]) {
      const redis = await startRedis({ dataDir, binary });
      assert.equal(redis.kind, "embedded");
      await redis.close();
    }
    await rm(dataDir, { recursive: true });
  });

  it("keeps its passwords per folder", async () => {
    const [one, other] = await Promise.all([startTestRedis("embedded"), startTestRedis("embedded")]);
    assert.notEqual(new URL(one.url).password, new URL(other.url).password);
    assert.ok(readdirSync(join(one.dataDir, "redis")).includes("credentials.json"));
    await Promise.all([one.close(), other.close()]);
  });

  it("says what is wrong with a port that is taken", async () => {
    const taken = await startTestRedis("embedded");
    const dataDir = await mkdtemp(join(tmpdir(), "harvest-redis-"));
    await assert.rejects(startRedis({ dataDir, preferSystem: false, port: taken.port }), {
      code: "OWH_CHILD_FAILED",
      message: /EADDRINUSE/,
    });
    await taken.close();
    await rm(dataDir, { recursive: true });
  });
});
