/** Containers of a real Docker engine, from images of this host's own files. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, test } from "node:test";
import { eventually, RecordingLogger } from "@openwhisk-harvest/testkit";
import { findEngine, type TestEngine } from "@openwhisk-harvest/testkit/docker";
import Docker from "dockerode";
import type { Container, ContainerDriver, ContainerSpec } from "../driver.js";
import { createDockerDriver } from "./docker-driver.js";
import { importNodejsImage } from "./nodejs-image.kit.js";

const LIMITS = { timeoutMs: 20_000, maxResponseBytes: 1 << 20 };
const MB = 1 << 20;
const NODE_IMAGE = "harvest-test/nodejs:1.0";
const ECHO_IMAGE = "harvest-test/echo:1.0";
const BROKEN_IMAGE = "harvest-test/broken:1.0";
const NO_COMMAND_IMAGE = "harvest-test/none:1.0";
/** Speaks /init and /run, and knows nothing of sentinels. */
const ECHO_SERVER = `require('http').createServer((request, response) => {
  let text = ''; request.on('data', (chunk) => { text += chunk }); request.on('end', () => {
    console.log('asked for ' + request.url);
    const body = JSON.stringify({ url: request.url, value: JSON.parse(text).value });
    response.writeHead(200, { 'Content-Length': Buffer.byteLength(body) }); response.end(body) }) }).listen(8080)`;
const found = await findEngine();
const skip = typeof found === "string" ? found : false;
const { engine, network, close } = skip ? ({} as TestEngine) : (found as TestEngine);
const logger = new RecordingLogger();
let driver: ContainerDriver;

before(async () => {
  if (skip) return;
  const run = ["/bin/node", "/runtime.cjs"];
  await importNodejsImage(engine, NODE_IMAGE, {}, run);
  await importNodejsImage(engine, ECHO_IMAGE, { "echo.js": ECHO_SERVER }, ["/bin/node", "/echo.js"]);
  await importNodejsImage(engine, BROKEN_IMAGE, {}, ["/bin/node", "-e", "console.error('will not do'); process.exit(7)"]);
  await importNodejsImage(engine, NO_COMMAND_IMAGE, {}, ["/no/such/command"]);
  driver = await createDockerDriver({ images: { "nodejs:20": NODE_IMAGE }, engine, network, userMemoryMb: 1024, logger });
});
after(async () => {
  if (skip) return;
  await driver.close();
  const left = await ours();
  await close();
  assert.deepEqual(left, [], "the driver leaves nothing behind");
});

const ours = async () =>
  (await engine.listContainers({ all: true, filters: { label: [`org.openwhisk-harvest.pid=${process.pid}`] } })).map(({ Names }) => Names);
const spec = (more: Partial<ContainerSpec> = {}): ContainerSpec => ({
  ...{ name: "guest/hello world", kind: "nodejs:20", memoryLimitMb: 128, environment: { __OW_API_HOST: "http://h" } },
  ...more,
});

async function containerWith(code: string, more: Partial<ContainerSpec> = {}): Promise<Container> {
  const container = await driver.create(spec(more));
  const { outcome } = await container.initialize({ value: { name: "t", main: "main", code, binary: false } }, LIMITS);
  assert.equal(outcome.type, "answer");
  return container;
}

async function resultOf(container: Container, value: object = {}): Promise<Record<string, unknown>> {
  const { outcome } = await container.run({ value }, LIMITS);
  assert.ok(outcome.type === "answer", `no answer but ${outcome.type}`);
  return JSON.parse(outcome.body);
}

/** What the engine itself has kept. */
async function logsOf(container: Container): Promise<string> {
  return (await engine.getContainer(container.name).logs({ stdout: true })).toString();
}

const texts = async (container: Container) => (await container.collectLogs(MB)).text.lines().map((line) => line.slice(31));

test("a container is created as OpenWhisk's docker run does it, and its lines come with time and stream, sentinels never", {
  skip,
}, async () => {
  const container = await containerWith(
    "let n = 0; function main() { console.log('run', ++n); console.error('oops'); return { n, host: process.env.__OW_API_HOST } }",
  );
  assert.deepEqual(await resultOf(container), { n: 1, host: "http://h" });
  const first = await container.collectLogs(MB);
  assert.deepEqual(
    first.text
      .lines()
      .map((line) => line.slice(31))
      .sort(),
    ["stderr: oops", "stdout: run 1"],
  );
  assert.match(String(first.text.lines()[0]), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z std/);
  assert.equal(first.incomplete, false);
  assert.deepEqual(await resultOf(container), { n: 2, host: "http://h" });
  assert.deepEqual((await texts(container)).sort(), ["stderr: oops", "stdout: run 2"]);
  const { HostConfig, Name } = await engine.getContainer(container.name).inspect();
  const { Memory, MemorySwap, CpuShares, CapDrop, Ulimits, PidsLimit, NetworkMode, LogConfig } = HostConfig;
  assert.deepEqual(
    [Memory, MemorySwap, CpuShares, PidsLimit, NetworkMode, LogConfig?.Type],
    [128 * MB, 128 * MB, 128, 1024, network, "json-file"],
  );
  assert.deepEqual(CapDrop, ["NET_RAW", "NET_ADMIN"]);
  assert.deepEqual(Ulimits, [{ Name: "nofile", Soft: 1024, Hard: 1024 }]);
  assert.match(Name, /^\/wsk\d+_\d+_guesthelloworld$/);
  await container.destroy();
  await container.destroy();
  assert.equal(container.alive, false);
  await assert.rejects(engine.getContainer(container.name).inspect(), { statusCode: 404 });
});

test("its group is found and read, and limits can be changed while it runs, shrinking never below its use", { skip }, async () => {
  const container = await containerWith(
    `const kept = []; const cpuMs = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000 };
     function main({ ms, mb }) { for (let i = 0; i < mb; i++) kept.push(Buffer.alloc(1 << 20, 1)); const end = cpuMs() + ms; while (cpuMs() < end); return {} }`,
  );
  assert.deepEqual(container.group.limits(), { memoryMb: 128 });
  const before = container.group.read();
  await resultOf(container, { ms: 200 });
  const used = container.group.read();
  assert.ok(used.cpuUsageUs - before.cpuUsageUs >= 190_000, "CPU time is counted");
  assert.ok(used.workingSetBytes > 10 * MB && used.workingSetBytes < 128 * MB);
  assert.equal(container.group.processes().length, 1);
  await container.setMemoryLimit(256);
  await container.setCpuCores(0.25);
  assert.deepEqual(container.group.limits(), { cpuCores: 0.25, memoryMb: 256 });
  await resultOf(container, { ms: 600 });
  assert.ok(Number(container.group.read().throttledPeriods) > 0, "and the kernel holds it to them");
  await container.setCpuCores(undefined);
  assert.deepEqual(container.group.limits(), { memoryMb: 256 });
  await resultOf(container, { ms: 0, mb: 150 });
  await assert.rejects(container.setMemoryLimit(128), { code: "OWH_BAD_ALLOCATION" });
  await container.destroy();
});

test("exits, endless loops and too much memory end as such", { skip }, async () => {
  const cases: [string, string][] = [
    ["function main() { process.exit(3) }", "no-answer"],
    ["function main() { for (;;); }", "timeout"],
    ["const a = []; function main() { for (;;) a.push(Buffer.alloc(1 << 20, 1)) }", "memory-exhausted"],
  ];
  for (const [code, expected] of cases) {
    const container = await containerWith(code);
    const limits = { ...LIMITS, timeoutMs: expected === "timeout" ? 500 : 20_000 };
    assert.deepEqual((await container.run({ value: {} }, limits)).outcome, { type: expected });
    await container.kill();
    assert.deepEqual([container.alive, container.group.processes()], [false, []]);
    await container.destroy();
  }
});

test("a container that is killed or removed in the middle of a run is no answer, at once", { skip }, async () => {
  for (const end of [(c: Docker.Container) => c.kill(), (c: Docker.Container) => c.remove({ force: true })]) {
    const container = await containerWith(
      "function main() { console.log('it runs'); return new Promise(() => setInterval(() => {}, 1000)) }",
    );
    const call = container.run({ value: {} }, LIMITS);
    await eventually(async () => (await logsOf(container)).includes("it runs"), "it runs");
    await end(engine.getContainer(container.name));
    assert.deepEqual((await call).outcome, { type: "no-answer" });
    await eventually(() => !container.alive, "its end is noticed");
    await container.destroy();
  }
  logger.complaints.splice(0); // why a removed container has ended cannot be told, and is said so
});

test("an engine that does not answer is a clear error", async () => {
  const absent = new Docker({ socketPath: "/no/such/docker.sock" });
  await assert.rejects(createDockerDriver({ images: {}, engine: absent, logger }), {
    code: "OWH_CHILD_FAILED",
    message: /^The Docker engine does not answer/,
  });
});

test("a paused container uses nothing, is resumed with its state, and one that has died meanwhile is found out", { skip }, async () => {
  const container = await containerWith("let n = 0; function main() { return { n: ++n } }");
  await resultOf(container);
  await container.pause?.();
  assert.equal((await engine.getContainer(container.name).inspect()).State.Paused, true);
  await container.resume?.();
  assert.deepEqual(await resultOf(container), { n: 2 });
  await container.pause?.();
  await container.destroy();
  const other = await containerWith("function main() { setTimeout(() => process.exit(1), 1); return {} }");
  await resultOf(other);
  await eventually(() => !other.alive, "its end is noticed");
  await assert.rejects(async () => other.resume?.());
  await other.destroy();
});

test("any image that speaks /init and /run is an action; its logs are there although it knows no sentinels", { skip }, async () => {
  const container = await driver.create(spec({ kind: "blackbox", image: ECHO_IMAGE }));
  const { outcome } = await container.initialize({ value: { main: "main" } }, LIMITS);
  assert.deepEqual(outcome.type === "answer" && JSON.parse(outcome.body), { url: "/init", value: { main: "main" } });
  assert.deepEqual(await resultOf(container, { a: 1 }), { url: "/run", value: { a: 1 } });
  const logs = await container.collectLogs(MB);
  assert.deepEqual(
    logs.text.lines().map((line) => line.slice(31)),
    ["stdout: asked for /init", "stdout: asked for /run"],
  );
  assert.equal(logs.incomplete, false);
  await container.destroy();
});

test("images and kinds that cannot be had, and containers that do not start, are clear errors and leave nothing", { skip }, async () => {
  const before = await ours();
  const cases: [Partial<ContainerSpec>, string, RegExp][] = [
    [
      { kind: "blackbox", image: "127.0.0.1:1/no/such:1.0" },
      "OWH_NOT_FOUND",
      /^Failed to pull container image '127\.0\.0\.1:1\/no\/such:1\.0'\.$/,
    ],
    [{ kind: "python:3" }, "OWH_CHILD_FAILED", /Kind python:3 has no image/],
    [{ kind: "blackbox", image: BROKEN_IMAGE }, "OWH_CHILD_FAILED", /ended (at once|before it listened)/],
    [{ kind: "blackbox", image: NO_COMMAND_IMAGE }, "OWH_CHILD_FAILED", /no such file or directory/],
  ];
  for (const [more, code, message] of cases) await assert.rejects(driver.create(spec(more)), { code, message });
  assert.deepEqual(await ours(), before);
  await assert.rejects(createDockerDriver({ images: { "nodejs:20": "no/such:1.0" }, engine, logger }), { code: "OWH_BAD_CONFIG" });
});

test("what a killed server leaves behind is removed by the next, and what a living one has is not", { skip }, async () => {
  const living = await driver.create(spec());
  const gone = spawn(process.execPath, ["-e", ""]);
  await new Promise((resolve) => gone.once("exit", resolve));
  const left = await engine.createContainer({ Image: NODE_IMAGE, Labels: { "org.openwhisk-harvest.pid": String(gone.pid) } });
  await left.start();
  const next = await createDockerDriver({ images: {}, engine, network, logger });
  await assert.rejects(left.inspect(), { statusCode: 404 });
  assert.equal((await engine.getContainer(living.name).inspect()).State.Running, true);
  await next.close();
  await assert.rejects(next.create(spec()), /the driver is closed/);
  await living.destroy();
});

test("a driver that is closed while it starts a container keeps none", { skip }, async () => {
  const before = await ours();
  const short = await createDockerDriver({ images: { "nodejs:20": NODE_IMAGE }, engine, network, logger });
  const starting = assert.rejects(short.create(spec({ name: "late" })), { code: "OWH_CHILD_FAILED" });
  await short.close();
  await starting;
  assert.deepEqual(await ours(), before);
});

test("nothing of Docker above was complained about", { skip }, () => {
  assert.deepEqual(logger.complaints, []);
});
