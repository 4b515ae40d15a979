/** Parallel stages on the embedded OpenWhisk, which joins them itself: a stage needs no Redis, and a lost branch ends it. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { eventually } from "@openwhisk-harvest/testkit";
import { withoutRedisServer } from "@openwhisk-harvest/testkit/redis";
import { Redis } from "ioredis";
import { startTestStack, type TestStack } from "./stack.kit.js";

const composer = createRequire(import.meta.url).resolve("openwhisk-composer");
let up: TestStack;
let folder: string;
before(async () => {
  up = await startTestStack();
  folder = mkdtempSync(join(tmpdir(), "hv-join-"));
});
after(async () => {
  await up?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** One function, `nap`, which hands on what it gets. */
async function deploy({ deploy: deployed }: TestStack, name: string, composition: string): Promise<void> {
  writeFileSync(join(folder, "nap.js"), "exports.main = (p) => new Promise((done) => setTimeout(() => done(p), p.ms))");
  writeFileSync(join(folder, `${name}.js`), `const composer = require(${JSON.stringify(composer)}); module.exports = ${composition}`);
  const nap = "functions:\n  - name: nap\n    kind: nodejs:20\n    source: nap.js\n    cpu: 0.25\n    memory: 128\n";
  writeFileSync(join(folder, "job.yaml"), `name: ${name}\ncomposition: ${name}.js\n${nap}`);
  await deployed(join(folder, "job.yaml"));
}

async function run({ client }: TestStack, name: string, params: Record<string, unknown>): Promise<unknown> {
  try {
    return await client.actions.invoke({ name, blocking: true, result: true, params });
  } catch (error) {
    return (error as { error?: { response?: { result?: unknown } } }).error?.response?.result ?? error;
  }
}

test("A stage is joined by the server, and leaves nothing in Redis", { skip: withoutRedisServer() }, async () => {
  await deploy(up, "nested", "composer.parallel('nap', composer.parallel('nap', 'nap'), composer.sequence('nap', 'nap'))");
  const nap = { ms: 1 };
  assert.deepEqual(await run(up, "nested", nap), { value: [nap, { value: [nap, nap] }, nap] });
  const redis = new Redis(up.stack.redis?.url ?? assert.fail("there is no Redis"));
  assert.deepEqual(await redis.keys("composer/*"), []);
  redis.disconnect();
});

test("A branch that dies ends its stage, which says which one it was, and an error handler catches it", async () => {
  const dying = "composer.parallel('nap', () => process.exit(1), composer.sequence('nap', 'nap'))";
  await deploy(up, "dying", dying);
  const { error } = (await run(up, "dying", { ms: 1 })) as { error: string };
  const [, own = "", id = ""] = /^branch 1 ended without a result: (.+), activation ([0-9a-f]{32})$/.exec(error) ?? assert.fail(error);
  const { response } = await up.client.activations.get({ name: id });
  assert.deepEqual(response?.result, { error: own }, "the branch's own error");

  await deploy(up, "handled", `composer.try(${dying}, ({ error }) => ({ caught: error }))`);
  assert.match(JSON.stringify(await run(up, "handled", { ms: 1 })), /"caught":"branch 1 ended without a result/);
});

test("A stage without end ends when its time is over, and its branches run no further step", async () => {
  const limited = await startTestStack(["parallel.stageTimeoutMs=1500"]);
  try {
    await deploy(limited, "endless", "composer.parallel(composer.sequence('nap', 'nap'), () => 1)");
    const error = "The parallel stage has not ended within 1500 ms of its fork";
    assert.deepEqual(await run(limited, "endless", { ms: 3_000 }), { error });
    const { activations } = limited.client;
    const ends = async () => {
      const ended = await activations.list({ name: "endless" });
      return Promise.all(ended.map(async ({ activationId }) => JSON.stringify(await activations.get({ name: activationId }))));
    };
    await eventually(
      async () => (await ends()).some((end) => end.includes("The parallel stage that it belongs to has ended")),
      "the branch ends",
    );
    const naps = () => activations.list({ name: "nap" });
    await eventually(async () => (await naps()).length > 0, "the record of the step that ran");
    assert.equal((await naps()).length, 1);
  } finally {
    await limited.close();
  }
});
