// runs alone: it measures CPU time under limits
/** The invoker on a Docker engine: the same records as with processes, and limits that the kernel holds containers to. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { limitsOfProcess } from "@openwhisk-harvest/cgroup";
import { observationInLogs } from "@openwhisk-harvest/core";
import { eventually, RecordingLogger } from "@openwhisk-harvest/testkit";
import { findEngine, type TestEngine } from "@openwhisk-harvest/testkit/docker";
import { createDockerDriver } from "../container/docker/docker-driver.js";
import { importNodejsImage } from "../container/docker/nodejs-image.kit.js";
import type { Container, ContainerDriver } from "../container/driver.js";
import { withPrewarm } from "../container/prewarm.js";
import type { ActivationMessage, ActivationRecord, ActivationTerms, ExecutableAction, Invoker } from "../messages.js";
import { createInvoker } from "./invoker.js";
import { GRID, messageOf, userTerms } from "./messages.kit.js";

const IMAGE = "harvest-test/invoker:1.0";
const found = await findEngine();
const skip = typeof found === "string" ? found : false;
const { engine, network, close } = skip ? ({} as TestEngine) : (found as TestEngine);
const logger = new RecordingLogger();
const made: Container[] = [];
let driver: ContainerDriver;
let invoker: Invoker;

before(async () => {
  if (skip) return;
  await importNodejsImage(engine, IMAGE, {}, ["/bin/node", "/runtime.cjs"]);
  const docker = await createDockerDriver({ images: { "nodejs:20": IMAGE }, engine, network, userMemoryMb: 1024, logger });
  const remembering: ContainerDriver = {
    enforcement: docker.enforcement,
    create: async (spec) => {
      const container = await docker.create(spec);
      made.push(container);
      return container;
    },
    close: () => docker.close(),
  };
  driver = withPrewarm(remembering, [{ kind: "nodejs:20", memoryMb: 256, count: 1 }], logger);
  const bounds = { apiHost: "http://h", idleContainerMs: 60_000, pauseGraceMs: 50, payloadMaxBytes: 1_048_576 };
  const sampling = { periodMs: 20, windowMs: 100 };
  invoker = createInvoker({ ...bounds, grid: GRID, id: 0, capacity: { cpuCores: 1.75, memoryMb: 1024 }, driver, sampling, logger });
});
after(async () => {
  if (skip) return;
  await invoker.close();
  await driver.close();
  await close();
});

async function run(message: ActivationMessage, terms: Partial<ActivationTerms> = {}): Promise<ActivationRecord> {
  return await invoker.run(message, userTerms(message, terms));
}

const isPaused = async (container: Container | undefined) => (await engine.getContainer(String(container?.name)).inspect()).State.Paused;

test("a prewarmed container serves a cold start; it is paused when idle, and resumed for a warm one", { skip }, async () => {
  await eventually(() => made.length === 1, "one is ready", 60_000);
  const message = messageOf({
    code: "let n = 0; function main() { console.log('run', ++n); return { n, host: process.env.__OW_API_HOST } }",
    limits: { memory: 256 },
  });
  const cold = await run(message);
  assert.deepEqual(cold.response.result, { n: 1, host: "http://h" });
  assert.ok(cold.logs.some((line) => line.endsWith(" stdout: run 1")));
  const [container] = made;
  await eventually(() => isPaused(container), "it is paused");
  assert.equal(invoker.hasWarmContainer(message), true);
  assert.deepEqual((await run(message)).response.result, { n: 2, host: "http://h" });
  await eventually(() => isPaused(container), "it is paused again");
  await container?.kill();
  assert.deepEqual((await run(message)).response.result, { n: 1, host: "http://h" }, "one that died is replaced");
});

test("a run is held to its terms and sampled; afterwards the container has its user allocation", { skip }, async () => {
  const message = messageOf({
    code: `const cpuMs = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000 };
           function main() { const end = cpuMs() + 200; while (cpuMs() < end); return {} }`,
    limits: { memory: 192 },
  });
  const record = await run(message, { cpuCores: 0.5, memoryMb: 384 });
  assert.equal(record.response.statusCode, 0);
  const seen = observationInLogs(record.logs, record.activationId);
  assert.deepEqual(seen?.allocated, { cpuCores: 0.5, memoryMb: 384 });
  // A host that is busy with others throttles no run, but counts throttling.
  assert.ok(Number(seen?.cpuTimeMs) >= 150 && seen?.throttledMs !== undefined && seen.cpuMeanCores <= 0.6, JSON.stringify(seen));
  const container = made.at(-1);
  const pid = (await engine.getContainer(String(container?.name)).inspect()).State.Pid;
  assert.deepEqual(limitsOfProcess(pid), { cpuCores: 1, memoryMb: 192 });
});

test("too much memory, and an image that cannot be had, are their developer's errors", { skip }, async () => {
  const fill = messageOf({ code: "function main() { const a = []; for (;;) a.push(Buffer.alloc(1 << 20, 1)) }", limits: { memory: 128 } });
  const killed = await run(fill);
  assert.deepEqual(killed.response, { statusCode: 2, result: { error: "The action exhausted its memory and was aborted." } });
  logger.complaints.splice(0); // its group may be gone before the engine says so, and that it cannot be sampled is said then
  const image = "127.0.0.1:1/no/such:1.0";
  const plain = messageOf();
  const action = { ...plain.action, exec: { kind: "blackbox", image, code: "", binary: false } } as ExecutableAction;
  const unknown = await run({ ...plain, action });
  assert.deepEqual(unknown.response, { statusCode: 2, result: { error: `Failed to pull container image '${image}'.` } });
});

test("nothing of Docker's invoker was complained about", { skip }, () => {
  assert.deepEqual(logger.complaints, []);
});
