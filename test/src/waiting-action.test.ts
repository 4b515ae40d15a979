/**
 * The waiting action as a cluster runs it: in one process of the nodejs runtime, which takes runs side by side, over a Redis whose user
 * reaches the conductors' keys alone. And its deployment to an OpenWhisk that allows such actions, but whose containers take one run.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import {
  deployJob,
  deploySettings,
  readWaitingBundle,
  type WaitAnswer,
  type WaitRequest,
  wrapWaitingAction,
} from "@openwhisk-harvest/composer-plugin";
import { type RedisProcess, startRedis } from "@openwhisk-harvest/stores";
import { eventually } from "@openwhisk-harvest/testkit";
import { withoutRedisServer } from "@openwhisk-harvest/testkit/redis";
import { Redis } from "ioredis";
import { startTestStack } from "./stack.kit.js";

const RUNTIME = fileURLToPath(new URL("../../standalone/dist/nodejs-runtime.cjs", import.meta.url));
const composer = createRequire(import.meta.url).resolve("openwhisk-composer");
const WAITS = 200;

describe("the waiting action", { skip: withoutRedisServer() }, () => {
  const folder = mkdtempSync(join(tmpdir(), "hv-waits-"));
  const socketPath = join(folder, "runtime");
  let redis: RedisProcess;
  let client: Redis;
  let container: ChildProcess;

  before(async () => {
    redis = await startRedis({ dataDir: folder });
    client = new Redis(redis.url);
    const env = { PATH: dirname(process.execPath), __OWH_SOCKET: socketPath, __OW_ALLOW_CONCURRENT: "true" };
    container = spawn(process.execPath, [RUNTIME], { cwd: folder, env, stdio: "ignore" });
    const code = wrapWaitingAction({ redisUrl: redis.composerUrl, timeoutMs: 300_000 }, await readWaitingBundle());
    const init = { value: { name: "harvest-join", main: "main", code, binary: false } };
    const answer = await eventually(() => post("/init", init).catch(() => undefined), "the runtime listens");
    assert.deepEqual(answer, { OK: true });
  });
  after(async () => {
    container?.kill("SIGKILL");
    client?.disconnect();
    await redis?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function post(path: string, body: object): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const outgoing = request({ socketPath, path, method: "POST", agent: false }, async (response) => {
        response.setEncoding("utf8");
        let text = "";
        for await (const chunk of response) text += chunk;
        resolve(JSON.parse(text));
      });
      outgoing.once("error", reject);
      outgoing.end(JSON.stringify(body));
    });
  }
  const run = (value: object) => post("/run", { value, namespace: "guest", activation_id: "a".repeat(32) });
  const wait = (n: number) => {
    const asked: WaitRequest = { v: 1, barrierId: `stage-${n}`, ageMs: 0, waitMs: 600_000, turns: 0, branches: [] };
    return run(asked) as Promise<WaitAnswer>;
  };
  const connections = async () => String(await client.client("LIST")).match(/ user=composer /g)?.length ?? 0;

  it("says that runs share its container, and that it reaches Redis", async () => {
    assert.deepEqual(await run({ v: 1, probe: true }), { v: 1, isShared: true });
  });

  it(`holds ${WAITS} waits at once over two connections, and ends each when its own stage is full`, async () => {
    for (let n = 0; n < WAITS; n++) await client.hset(`composer/fork/stage-${n}`, "marker", "42");
    const ended = new Set<number>();
    const waits = Array.from({ length: WAITS }, async (_, n) => {
      const answer = await wait(n);
      ended.add(n);
      return answer;
    });
    await eventually(async () => (await connections()) === 2, "one connection blocks, one answers");
    const fill = async (n: number) => {
      await client.hset(`composer/fork/stage-${n}`, "0", "1", "count", "1");
      await client.rpush(`composer/join/stage-${n}`, "1");
    };
    await fill(7);
    assert.deepEqual(await waits[7], { v: 1, stage: "full" });
    assert.deepEqual([...ended], [7]);
    for (let n = 0; n < WAITS; n++) if (n !== 7) await fill(n);
    assert.deepEqual(new Set((await Promise.all(waits)).map(({ stage }) => stage)), new Set(["full"]));
    assert.equal(await connections(), 2);
  });

  it("is not relied on, and not left, where an OpenWhisk allows it whose containers take one run at a time", async () => {
    const up = await startTestStack(["standalone.limits.concurrency.max=200"]);
    try {
      writeFileSync(join(folder, "nap.js"), "exports.main = (p) => p");
      writeFileSync(join(folder, "c.js"), `module.exports = require(${JSON.stringify(composer)}).parallel('nap', 'nap')`);
      const nap = "functions:\n  - { name: nap, kind: 'nodejs:20', source: nap.js, cpu: 0.25, memory: 128 }\n";
      writeFileSync(join(folder, "job.yaml"), `name: waits\ncomposition: c.js\n${nap}`);
      const { apihost, auth, namespace } = up.stack.standalone;
      const openwhisk = { apihost, api_key: auth, namespace };
      const settings = { sidecarUrl: up.stack.sidecar.url, redisUrl: redis.composerUrl, ...deploySettings(up.stack.config) };
      const { waits } = await deployJob({ jobFile: join(folder, "job.yaml"), openwhisk, ...settings });
      assert.match(waits?.way === "turns" ? waits.reason : "", /__OW_ALLOW_CONCURRENT=true/);
      await assert.rejects(up.client.actions.get({ name: "harvest-join" }), { statusCode: 404 });
      const result = await up.client.actions.invoke({ name: "waits", blocking: true, result: true, params: { n: 1 } });
      assert.deepEqual(result, { value: [{ n: 1 }, { n: 1 }] });
    } finally {
      await up.close();
    }
  });
});
