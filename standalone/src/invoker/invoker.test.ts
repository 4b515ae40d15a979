/** The invoker with real containers: what becomes of an activation, and what limits it has while it runs. */
import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { detectEnforcement, type Enforcer } from "@openwhisk-harvest/cgroup";
import { type Observation, observationInLogs, type RunEvent } from "@openwhisk-harvest/core";
import { eventually, RecordingLogger } from "@openwhisk-harvest/testkit";
import { strToU8, zipSync } from "fflate";
import type { Container, ContainerDriver, ContainerSpec } from "../container/driver.js";
import { linesOfPiece } from "../container/log-text.js";
import { createProcessDriver } from "../container/process-driver.js";
import type { ActivationMessage, ActivationRecord, ActivationTerms, Invoker } from "../messages.js";
import { createInvoker } from "./invoker.js";
import { GRID, harvestedTerms, type MessageParts, messageOf, RUN_KEY, userTerms } from "./messages.kit.js";

const CONDUCTOR_CPU_CORES = 0.5;
const logger = new RecordingLogger();
const observations: Observation[] = [];
const events: RunEvent[] = [];
/** The containers of the invoker, in the order of their creation. */
const containers: Container[] = [];
let enforcer: Enforcer;
let driver: ContainerDriver;
let invoker: Invoker;

before(async () => {
  enforcer = await detectEnforcement();
  driver = await createProcessDriver({ enforcer, logger });
  const remembering: ContainerDriver = {
    enforcement: driver.enforcement,
    create: async (spec: ContainerSpec) => {
      const container = await driver.create(spec);
      containers.push(container);
      return container;
    },
    close: () => driver.close(),
  };
  invoker = createInvoker({
    id: 0,
    capacity: { cpuCores: 1.75, memoryMb: 1024 },
    grid: GRID,
    driver: remembering,
    allocations: { putObservation: async (seen) => void observations.push(seen), appendEvent: async (event) => void events.push(event) },
    conductorEnvironment: { HARVEST_REDIS_URL: "redis://127.0.0.1:1" },
    conductorCpuCores: CONDUCTOR_CPU_CORES,
    apiHost: "http://127.0.0.1:3233",
    idleContainerMs: 60_000,
    payloadMaxBytes: 1_048_576,
    sampling: { periodMs: 20, windowMs: 100 },
    logger,
  });
});
after(async () => {
  await invoker.close();
  await driver.close();
  await enforcer.close();
});

async function run(parts: MessageParts, terms: Partial<ActivationTerms> = {}): Promise<ActivationRecord & { message: ActivationMessage }> {
  const message = messageOf(parts);
  return { ...(await invoker.run(message, userTerms(message, terms))), message };
}

const annotation = (record: ActivationRecord, key: string) => record.annotations.find((a) => a.key === key)?.value;
/** Without time and stream, and without our own line. */
const userLines = ({ logs }: ActivationRecord) => logs.filter((line) => !line.includes("XHARVEST")).map((line) => line.slice(31));
const DEVELOPER_LINE = "stderr: The action did not initialize or run as expected. Log data might be missing.";

test("a cold, then a warm activation", async () => {
  const code = "let n = 0; function main(p) { console.log('run', ++n); console.error('oops'); return { n, p } }";
  const cold = await run({ code, content: { a: 1 } });
  assert.deepEqual(cold.response, { statusCode: 0, result: { n: 1, p: { a: 1 } }, size: 19 });
  assert.deepEqual(userLines(cold).sort(), ["stderr: oops", "stdout: run 1"]);
  assert.ok(Number(annotation(cold, "initTime")) >= 0);
  assert.equal(invoker.hasWarmContainer(cold.message), true);
  const warm = await run({ code });
  assert.deepEqual((warm.response.result as { n: number }).n, 2);
  assert.deepEqual([annotation(warm, "initTime"), annotation(warm, "timeout")], [undefined, false]);
  const otherRevision = await run({ code, rev: "2-x" });
  assert.deepEqual((otherRevision.response.result as { n: number }).n, 1, "a warm container serves one revision only");
  const otherNamespace = messageOf({ code, namespace: "other" });
  assert.equal(invoker.hasWarmContainer(otherNamespace), false);
});

const failures: [string, MessageParts, number, unknown, string[]][] = [
  ["throws", { code: "function main() { throw new Error('boo') }" }, 2, "An error has occurred: Error: boo", [DEVELOPER_LINE]],
  ["rejects", { code: "function main() { return Promise.reject('no') }" }, 1, "no", []],
  ["returns an error", { code: "function main() { return { error: 'no', more: 1 } }" }, 1, "no", []],
  [
    "returns a number",
    { code: "function main() { return 5 }" },
    2,
    "The action did not return a dictionary.",
    ['stderr: Result must be of type object but has type "number": 5', DEVELOPER_LINE],
  ],
  [
    "leaves the process",
    { code: "function main() { console.log('bye'); process.exit() }" },
    2,
    "The action did not produce a valid response and exited unexpectedly.",
    ["stdout: bye", DEVELOPER_LINE],
  ],
  [
    "never returns",
    { code: "function main() { console.log('busy'); while (true); }", limits: { timeout: 300 } },
    2,
    "The action exceeded its time limits of 300 milliseconds.",
    ["stdout: busy", DEVELOPER_LINE],
  ],
  [
    "never finishes its initialization",
    { code: "while (true);", limits: { timeout: 300 } },
    2,
    "The action exceeded its time limits of 300 milliseconds during initialization.",
    [DEVELOPER_LINE],
  ],
  [
    "leaves the process while it is initialized",
    { code: "process.exit(1)" },
    2,
    "The action did not initialize and exited unexpectedly.",
    [DEVELOPER_LINE],
  ],
  [
    "exceeds its memory",
    { code: "function main() { const a = []; for (;;) a.push(Buffer.alloc(1 << 20, 1)) }", limits: { memory: 128 } },
    2,
    "The action exhausted its memory and was aborted.",
    [DEVELOPER_LINE],
  ],
];
for (const [what, parts, statusCode, error, lines] of failures)
  test(`an action that ${what}`, async () => {
    const record = await run(parts);
    assert.equal(record.response.statusCode, statusCode);
    assert.deepEqual(record.response.result, { error });
    const missing = lines.filter((line) => !userLines(record).includes(line));
    assert.deepEqual(missing, []);
    assert.equal(invoker.hasWarmContainer(record.message), statusCode === 1, "a container is kept after application errors only");
    assert.equal(annotation(record, "timeout"), what.startsWith("never"));
    if (what.startsWith("never")) assert.ok(record.duration >= 300);
  });

test("a result over the limit is an application error with its beginning", async () => {
  const { response } = await run({ code: "function main() { return { x: 'y'.repeat(1100000) } }" });
  assert.equal(response.statusCode, 1);
  const { error } = response.result as { error: string };
  assert.ok(
    error.startsWith(
      'The action produced a response that exceeded the allowed length: 1100008 > 1048576 bytes. The truncated response was: {"x":"yyy',
    ),
  );
});

test("code that does not load says why, and its container is not kept", async () => {
  const record = await run({ code: "function main( {" });
  assert.equal(record.response.statusCode, 2);
  assert.match(String((record.response.result as { error: string }).error), /^Initialization has failed due to: SyntaxError/);
  assert.deepEqual([record.start, annotation(record, "initTime")], [record.end - record.duration, record.duration]);
  assert.equal(invoker.hasWarmContainer(record.message), false);
});

test("an action in a zip, and init parameters in the environment", async () => {
  const code = Buffer.from(zipSync({ "index.js": strToU8("exports.main = (p) => ({ p, token: process.env.token })") })).toString("base64");
  const parameters = [{ key: "token", value: "t0", init: true }];
  const { response } = await run({ code, binary: true, parameters, content: { token: "t1", a: 1 } });
  assert.deepEqual(response.result, { p: { a: 1 }, token: "t1" });
});

test("a function that prints the sentinel hides nothing and shifts nothing into the next run", async () => {
  const code = "function main({ n }) { console.log('XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX'); console.log('after', n); return {} }";
  assert.deepEqual(userLines(await run({ code, content: { n: 1 } })), ["stdout: after 1"]);
  assert.deepEqual(userLines(await run({ code, content: { n: 2 } })), ["stdout: after 2"]);
});

test("logs over their limit are cut, said to be, and cost the container; a limit of 0 means none, not even ours", async () => {
  const code = "function main() { for (let i = 0; i < 2048; i++) console.log('x'.repeat(1023)); return {} }";
  const cut = await run({ code, limits: { logs: 1 } });
  assert.equal(cut.response.statusCode, 0);
  assert.equal(userLines(cut).at(-1), "stderr: Logs were truncated because the total bytes size exceeds the limit of 1048576 bytes.");
  const lineBytes = 30 + " stdout: ".length + 1023 + 1;
  const kept = [...(cut.longLogs?.pieces() ?? [])].flatMap(linesOfPiece);
  assert.equal(kept.length, Math.floor(2 ** 20 / lineBytes));
  assert.equal(observationInLogs(cut.logs, cut.activationId)?.outcome, "success");
  assert.equal(invoker.hasWarmContainer(cut.message), false);
  const none = await run({ code: "function main() { console.log('x'); return {} }", limits: { logs: 0 } });
  assert.deepEqual([none.logs, none.response.statusCode], [[], 0]);
});

test("the last log line is what was seen of the run, and Redis is told the same", async () => {
  const terms = harvestedTerms({ cpuCores: 0.5, workCoreMs: 10_000 });
  const code = "function main() { const from = process.cpuUsage(); while (process.cpuUsage(from).user < 150_000); return {} }";
  const record = await run({ code }, terms);
  const observation = observationInLogs(record.logs, record.activationId);
  assert.match(String(record.logs.at(-1)), /^.{30} stdout: XHARVEST /);
  assert.deepEqual(observations.at(-1), observation);
  assert.ok(observation);
  const { allocated, user, cold, mode, decision, outcome, enforcement } = observation;
  assert.deepEqual(
    { k: observation.k, user, cold, mode, decision, outcome },
    { k: RUN_KEY, user: { cpuCores: 1, memoryMb: 256 }, cold: true, mode: "harvest", decision: "d", outcome: "success" },
  );
  assert.equal(enforcement, enforcer.enforcement);
  assert.equal(allocated.memoryMb, 256);
  assert.ok(observation.durationMs >= 100 && observation.cpuTimeMs > 100 && observation.memoryPeakMb > 1 && observation.samples >= 3);
  // With repetitions, should the host be slow.
  const own = events.filter((event) => event.activationId === record.activationId && event.type !== "applied");
  assert.deepEqual(
    own.map(({ type, k }) => [type, k]),
    [
      ["start", RUN_KEY],
      ["end", RUN_KEY],
    ],
  );
});

test("a run outside of compositions costs no event and no observation in Redis, and its log has its line all the same", async () => {
  const before = [events.length, observations.length];
  const record = await run({ code: "function main() { return {} }" });
  assert.equal(observationInLogs(record.logs, record.activationId)?.outcome, "success");
  assert.deepEqual([events.length, observations.length], before);
});

test("a run that died is observed, too", async () => {
  const record = await run({ code: "function main() { process.exit() }" }, { harvest: { k: RUN_KEY } });
  assert.equal(observationInLogs(record.logs, record.activationId)?.outcome, "action developer error");
  assert.equal(observations.at(-1)?.activationId, record.activationId);
});

test("a conductor has the conductors' environment, their limit on its CPU, and is not sampled", async () => {
  const before = observations.length;
  const record = await run(
    { code: "function main() { return { redis: process.env.HARVEST_REDIS_URL, host: process.env.__OW_API_HOST } }" },
    { conductor: true, cpuCores: 0 },
  );
  assert.deepEqual(record.response.result, { redis: "redis://127.0.0.1:1", host: "http://127.0.0.1:3233" });
  assert.deepEqual(record.logs, []);
  assert.equal(observations.length, before);
  if (enforcer.enforcement.startsWith("cgroup")) assert.equal(containers.at(-1)?.group.limits().cpuCores, CONDUCTOR_CPU_CORES);
  const plain = await run({ code: "function main() { return { redis: String(process.env.HARVEST_REDIS_URL) } }" });
  assert.deepEqual(plain.response.result, { redis: "undefined" });
});

/** Says that it runs, and waits to be let go; `hold` names the files that do this. */
const HELD = `const fs = require('fs');
const pause = (ms) => new Promise((ok) => setTimeout(ok, ms));
async function main({ hold }) {
  if (hold) { fs.writeFileSync(hold + '-runs', ''); while (!fs.existsSync(hold + '-goes')) await pause(5); }
  return { home: process.cwd() };
}`;
const noCgroups = () => !["cgroup-v1", "cgroup-v2"].includes(enforcer.enforcement) && `no control groups here: ${enforcer.reason}`;

/** A warm container of the held action, and how to look at its limits in the middle of a run. */
async function heldContainer(name: string) {
  const { response } = await run({ name, code: HELD });
  const { home } = response.result as { home: string };
  const container = containers.at(-1);
  assert.ok(container);
  let count = 0;
  const during = async <T>(terms: Partial<ActivationTerms>, look: () => T | Promise<T>, parts: MessageParts = {}) => {
    const hold = join(home, `h${++count}`);
    const running = run({ name, code: HELD, content: { hold }, ...parts }, terms);
    await eventually(() => existsSync(`${hold}-runs`), "it runs");
    const seen = await look();
    writeFileSync(`${hold}-goes`, "");
    const record = await running;
    assert.equal(record.response.statusCode, 0);
    assert.equal(annotation(record, "initTime"), undefined, "it ran in the warm container");
    return seen;
  };
  return { container, during };
}

test("H3, H4: while it runs the limits are those of its terms, and before and after they are the user allocation", async (t) => {
  const skip = noCgroups();
  if (skip) return t.skip(skip);
  const { container, during } = await heldContainer("limits");
  const user = { cpuCores: 1, memoryMb: 256 };
  const limits = () => container.group.limits();
  assert.deepEqual(limits(), user);
  assert.deepEqual(await during({}, limits), user);
  assert.deepEqual(await during(harvestedTerms({ cpuCores: 0.25, memoryMb: 512 }), limits), { cpuCores: 0.25, memoryMb: 512 });
  assert.deepEqual(limits(), user);
  assert.deepEqual(await during(harvestedTerms({ cpuCores: 1.75 }), limits), user, "what is above U comes by a plan (H1)");
  assert.deepEqual(limits(), user);
});

test("H5: terms below the user's memory do not lower the limit at which it is killed", async (t) => {
  const skip = noCgroups();
  if (skip) return t.skip(skip);
  const { container, during } = await heldContainer("memory");
  assert.deepEqual(await during(harvestedTerms({ cpuCores: 0.5, memoryMb: 128 }), () => container.group.limits()), {
    cpuCores: 0.5,
    memoryMb: 256,
  });
});

test("H5: a run with less CPU than the user allocation has that back when half of its time limit has passed", async (t) => {
  const skip = noCgroups();
  if (skip) return t.skip(skip);
  const { container, during } = await heldContainer("half");
  const cpuCores = () => container.group.limits().cpuCores;
  const startMs = performance.now();
  const parts = { limits: { timeout: 3_000 } };
  const seen = await during(
    harvestedTerms({ cpuCores: 0.25 }),
    async () => {
      const atFirst = cpuCores();
      await eventually(() => cpuCores() !== atFirst, "the CPU is given back");
      return [atFirst, cpuCores()];
    },
    parts,
  );
  assert.deepEqual(seen, [0.25, 1]);
  const tookMs = performance.now() - startMs;
  assert.ok(tookMs >= 1_500 && tookMs < 3_000);
});

test("initialization runs unlimited, whatever the terms", async (t) => {
  const skip = noCgroups();
  if (skip) return t.skip(skip);
  const known = containers.length;
  // Works for so much CPU time as no busy host can shorten.
  const works = "const from = process.cpuUsage(); while (process.cpuUsage(from).user < 300_000);";
  const code = `const fs = require('fs'); ${works} ${HELD.replace("const fs = require('fs');", "")}`;
  const running = run({ name: "slow", code }, harvestedTerms({ cpuCores: 0.25 }));
  await eventually(() => containers.length > known, "it has a container");
  const container = containers.at(-1);
  await eventually(
    () => container?.group.limits().memoryMb === 256 && (container.group.read().cpuUsageUs ?? 0) > 150_000,
    "it is initialized",
  );
  assert.equal(container?.group.limits().cpuCores, undefined);
  const record = await running;
  assert.ok(Number(annotation(record, "initTime")) >= 299);
  assert.equal(observationInLogs(record.logs, record.activationId)?.allocated.cpuCores, 0.25);
});

test("where a node agent applies, no limit is written and nothing is told of what a run used", async () => {
  const written: string[] = [];
  const noting = async (spec: ContainerSpec): Promise<Container> => {
    const container = await driver.create(spec);
    for (const setter of ["setCpuCores", "setMemoryLimit", "setMemoryHigh"] as const)
      container[setter] = async () => void written.push(setter);
    return container;
  };
  const stock = createInvoker({
    ...{ id: 1, capacity: { cpuCores: 1.75, memoryMb: 1024 }, grid: GRID, apiHost: "http://h", idleContainerMs: 60_000, logger },
    ...{ payloadMaxBytes: 1_048_576, sampling: { periodMs: 20, windowMs: 100 }, applier: "node-agent" },
    driver: { enforcement: driver.enforcement, create: noting, close: async () => undefined },
  });
  for (const terms of [{}, harvestedTerms({ cpuCores: 0.5, memoryMb: 512 }), { conductor: true, cpuCores: 0 }]) {
    const message = messageOf({ name: "left-alone", content: { a: 1, $harvest: { k: "k" } } });
    const { response, logs } = await stock.run(message, userTerms(message, terms));
    assert.deepEqual([response.result, logs, written], [{ a: 1, $harvest: { k: "k" } }, [], []]);
  }
  await stock.close();
});

test("a container that cannot go back to the user's memory is not kept", async (t) => {
  const skip = noCgroups();
  if (skip) return t.skip(skip);
  const code = "let kept; function main() { kept = Buffer.alloc(200 << 20, 1); return {} }";
  const record = await run({ code, limits: { memory: 128 } }, { mode: "profile", memoryMb: 512 });
  assert.equal(record.response.statusCode, 0);
  assert.equal(invoker.hasWarmContainer(record.message), false);
});

test("more activations than memory: they take their turns, and all end", async () => {
  const code = "async function main({ n }) { await new Promise((ok) => setTimeout(ok, 20)); return { n } }";
  const records = await Promise.all(
    [0, 1, 2, 3, 4, 5].map((n) => run({ name: `turn${n}`, code, content: { n }, limits: { memory: 512 } })),
  );
  assert.deepEqual(
    records.map(({ response }) => response.result),
    [0, 1, 2, 3, 4, 5].map((n) => ({ n })),
  );
  const tooLarge = await run({ code, limits: { memory: 2048 } });
  assert.deepEqual(tooLarge.response, { statusCode: 3, result: { error: "Failed to provision resources to run the action." } });
});
