/**
 * Plain openwhisk-composer, unmodified: its own `compose` and `deploy`, or the library beneath them, make the conductors, and every
 * combinator runs live (composer-and-runtimes, 1). Redis is given in the input, as composer wants it.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { eventually } from "@openwhisk-harvest/testkit";
import { startTestStandalone } from "../standalone.kit.js";

const run = promisify(execFile);
const load = createRequire(import.meta.url);
const composerFolder = dirname(load.resolve("openwhisk-composer/package.json"));

let server: Awaited<ReturnType<typeof startTestStandalone>>;
let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "owh-composer-"));
  server = await startTestStandalone();
  const actions: Record<string, string> = {
    increment: "({ n }) => ({ n: n + 1 })",
    isEven: "({ n }) => ({ value: n % 2 === 0 })",
    fail: "() => ({ error: 'boom' })",
    sleepy: "({ ms }) => new Promise((done) => setTimeout(() => done({ slept: ms }), ms))",
  };
  for (const [name, main] of Object.entries(actions))
    await server.ow.actions.create({
      name,
      action: { exec: { kind: "nodejs:default", code: `const main = ${main}` }, annotations: [{ key: "cpu", value: 0.25 }] } as never,
    });
});
after(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

type Body = Record<string, unknown>;

/** What a user does: write a composition, compile it, deploy it. Each command is a process of its own. */
async function deployByCommands(name: string, source: string, flags: readonly string[] = ["-m", "128"]): Promise<void> {
  const file = join(folder, `${name}.js`);
  await writeFile(file, `const composer = require('openwhisk-composer'); module.exports = ${source}`);
  const json = join(folder, `${name}.json`);
  await run(process.execPath, [join(composerFolder, "bin/compose.js"), file, "-o", json]);
  const { apihost, auth } = server.standalone;
  await run(process.execPath, [join(composerFolder, "bin/deploy.js"), name, json, "-w", "-i", "--apihost", apihost, "-u", auth, ...flags]);
}

/** What the commands do, without their processes. */
async function deploy(name: string, source: string): Promise<void> {
  const composer = load("openwhisk-composer");
  const composition = new Function("composer", `return ${source}`)(composer);
  const { apihost, auth } = server.standalone;
  const client = load("openwhisk-composer/client")({ apihost, api_key: auth, ignore_certs: true });
  const compiled = { ...composer.parse(composition).compile(), name: `/_/${name}` };
  await client.compositions.deploy(compiled, true, undefined, undefined, undefined, 128);
}

/** The result of a composition, also of one that takes longer than a client can wait. */
async function resultOf(name: string, params: Body): Promise<unknown> {
  const { status, body } = await server.request(`actions/${name}?blocking=true&result=true`, {
    method: "POST",
    body: { ...params, $composer: { redis: server.redis } },
  });
  return status === 202 ? recordedResult(body.activationId) : body;
}

async function recordedResult(activationId: string): Promise<unknown> {
  const record = await eventually(async () => {
    const { status, body } = await server.request(`activations/${activationId}`);
    return status === 200 ? body : undefined;
  }, `the record of ${activationId}`);
  return record.response.result;
}

/** Combinator, its composition, an input, and what must come out. */
const COMBINATORS: readonly [name: string, source: string, input: Body, result: unknown][] = [
  ["empty", "composer.empty()", { n: 1 }, { n: 1 }],
  ["sequence", "composer.sequence('increment', 'increment')", { n: 1 }, { n: 3 }],
  ["seq", "composer.seq('increment', composer.function(({ n }) => ({ n: n * 2 })))", { n: 1 }, { n: 4 }],
  ["action", "composer.action('doubled', { action: 'const main = ({ n }) => ({ n: n * 2 })' })", { n: 4 }, { n: 8 }],
  ["function", "composer.function(({ n }) => ({ n: -n }))", { n: 4 }, { n: -4 }],
  ["if", "composer.if('isEven', 'increment', composer.literal({ odd: true }))", { n: 2 }, { n: 3 }],
  ["if_nosave", "composer.if_nosave('isEven', () => ({ even: true }), () => ({ even: false }))", { n: 3 }, { even: false }],
  ["while", "composer.while(({ n }) => ({ value: n < 3 }), 'increment')", { n: 0 }, { n: 3 }],
  ["while_nosave", "composer.while_nosave(({ n }) => ({ value: n < 3, n }), 'increment')", { n: 0 }, { value: false, n: 3 }],
  ["dowhile", "composer.dowhile('increment', ({ n }) => ({ value: n < 3 }))", { n: 0 }, { n: 3 }],
  ["dowhile_nosave", "composer.dowhile_nosave('increment', ({ n }) => ({ value: n < 3, n }))", { n: 0 }, { value: false, n: 3 }],
  ["repeat", "composer.repeat(3, 'increment')", { n: 0 }, { n: 3 }],
  ["retry", "composer.let({ tries: 0 }, composer.retry(3, () => tries++ < 2 ? { error: 'again' } : { tries }))", {}, { tries: 3 }],
  ["try", "composer.try('fail', ({ error }) => ({ caught: error }))", {}, { caught: "boom" }],
  ["finally", "composer.finally('increment', ({ n }) => ({ n: n * 10 }))", { n: 1 }, { n: 20 }],
  ["let", "composer.let({ x: 5 }, () => ({ x }))", {}, { x: 5 }],
  ["mask", "composer.let({ x: 1 }, composer.let({ x: 2 }, composer.mask(() => ({ x }))))", {}, { x: 1 }],
  ["retain", "composer.retain('increment')", { n: 1 }, { params: { n: 1 }, result: { n: 2 } }],
  ["retain_catch", "composer.retain_catch('fail')", { n: 1 }, { params: { n: 1 }, result: { error: "boom" } }],
  ["value", "composer.value(7)", {}, { value: 7 }],
  ["literal", "composer.literal({ a: 1 })", {}, { a: 1 }],
  ["merge", "composer.merge('increment')", { n: 1, m: 1 }, { n: 2, m: 1 }],
  ["dynamic", "composer.sequence(() => ({ type: 'action', name: 'increment', params: { n: 4 } }), composer.dynamic())", {}, { n: 5 }],
  ["parallel", "composer.parallel('increment', 'isEven')", { n: 1 }, { value: [{ n: 2 }, { value: false }] }],
  ["par", "composer.par(() => ({ a: 1 }), 'increment')", { n: 1 }, { value: [{ a: 1 }, { n: 2 }] }],
  ["map", "composer.map('increment')", { value: [{ n: 1 }, { n: 2 }] }, { value: [{ n: 2 }, { n: 3 }] }],
];

/** Functions that are named, made from source, and run by a conductor that forks. */
const BY_COMMANDS = ["seq", "action", "par"];

for (const [name, source, input, expected] of COMBINATORS)
  test(`${name}: ${source}`, async () => {
    await (BY_COMMANDS.includes(name) ? deployByCommands : deploy)(name, source);
    assert.deepEqual(await resultOf(name, input), expected);
  });

test("async: the composition goes on by itself and leaves its own record", async () => {
  await deploy("async", "composer.async('increment')");
  const { method, activationId, sessionId } = (await resultOf("async", { n: 1 })) as Record<string, string>;
  assert.deepEqual([method, /^[0-9a-f]{32}$/.test(sessionId ?? "")], ["async", true]);
  assert.deepEqual(await recordedResult(activationId ?? ""), { n: 2 });
});

test("nested parallel, with sequences in its branches", async () => {
  await deploy("nested", "composer.parallel(composer.parallel('increment', composer.seq('increment', 'increment')), 'increment')");
  assert.deepEqual(await resultOf("nested", { n: 0 }), { value: [{ value: [{ n: 1 }, { n: 2 }] }, { n: 1 }] });
});

test("map over 50 items: every result is in its place", async () => {
  await deploy("map-50", "composer.map('increment')");
  const items = Array.from({ length: 50 }, (_, n) => ({ n }));
  assert.deepEqual(await resultOf("map-50", { value: items }), { value: items.map(({ n }) => ({ n: n + 1 })) });
});

test("error handlers inside and around parallel branches", async () => {
  await deploy("inside", "composer.parallel(composer.try('fail', ({ error }) => ({ caught: error })), 'fail', 'increment')");
  assert.deepEqual(await resultOf("inside", { n: 0 }), { value: [{ caught: "boom" }, { error: "boom" }, { n: 1 }] });
  const failing = "composer.seq(composer.parallel('fail', 'increment'), ({ value }) => value.find((v) => v.error) ?? { value })";
  await deploy("around", `composer.try(${failing}, ({ error }) => ({ caught: error }))`);
  assert.deepEqual(await resultOf("around", { n: 0 }), { caught: "boom" });
});

test("without a Redis parallel says so", async () => {
  await deploy("lost", "composer.parallel('increment')");
  const { status, body } = await server.request("actions/lost?blocking=true&result=true", { method: "POST", body: { n: 1 } });
  assert.equal(status, 502);
  assert.deepEqual(body, { error: "Parallel combinator requires a properly configured redis instance" });
});

test("a parallel branch that outlives the conductor's time limit", async () => {
  await deployByCommands("outlives", "composer.parallel('sleepy', 'increment')", ["-m", "128", "-t", "7000"]);
  assert.deepEqual(await resultOf("outlives", { ms: 9_000, n: 1 }), { value: [{ slept: 9_000 }, { n: 2 }] });
});
