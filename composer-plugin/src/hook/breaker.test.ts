/** While the sidecar fails, no run waits for it; it is tried again with growing pauses, and all of it is counted and told. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, mock, test } from "node:test";
import type { HookConfig, HookHost } from "./config.js";
import { Decisions } from "./decisions.js";
import { HOOK_COUNTS_HEADER, type HookCounts } from "./wire.js";

const FAILURES = 3;
const OPEN_MS = 1_000;
/** For forks whose answer is to arrive: far more than a loaded machine needs. */
const PATIENT_MS = 10_000;

let answer: (request: IncomingMessage, response: ServerResponse) => void;
let asked: IncomingMessage[];
let url: string;
let server: ReturnType<typeof createServer>;
let sleeps: number[];
let roots = 0;

const host = (env: Record<string, string>): HookHost => ({
  env: Object.assign(env, { __OW_API_KEY: env["__OW_API_KEY"] ?? "uuid:key" }),
  nowMs: () => Date.now(),
  sleep: (ms) => {
    sleeps.push(ms);
    return new Promise((resolve) => setTimeout(resolve, ms).unref());
  },
});

const decided = (request: IncomingMessage, response: ServerResponse) => {
  const root = request.url?.split("/").at(-1);
  const stages = [{ forkPath: "", cpu: { accepted: true }, memory: { accepted: false } }];
  response.end(JSON.stringify({ id: "decision-1", root, published: true, stages }));
};
const broken = (_: IncomingMessage, response: ServerResponse) => void response.writeHead(500).end("{}");
const silent = () => undefined;

beforeEach(async () => {
  mock.timers.enable({ apis: ["Date"], now: 1_000_000 });
  asked = [];
  sleeps = [];
  answer = decided;
  server = createServer((request, response) => {
    asked.push(request);
    request.resume();
    request.on("end", () => answer(request, response));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  mock.timers.reset();
  server.closeAllConnections();
  server.close();
  await once(server, "close");
});

function decisions(more: Partial<HookConfig> = {}, env: Record<string, string> = {}): Decisions {
  const config: HookConfig = {
    namespace: "guest",
    dag: "job",
    sidecarUrl: url,
    deadlineMs: 20,
    coldDeadlineMs: 100,
    breakerFailures: FAILURES,
    breakerOpenMs: OPEN_MS,
    stageTimeoutMs: 1_000,
    positions: [],
    forks: [""],
    ...more,
  };
  return new Decisions(config, host(env));
}

/** A fork of a new root run that asks for itself. */
const fork = (hook: Decisions, waitMs = PATIENT_MS) => hook.stamp((++roots).toString(16).padStart(32, "0"), "", waitMs);

/** What is counted, without taking it. */
function counted({ counts }: Decisions): HookCounts {
  const taken = counts.take();
  counts.putBack(taken);
  return taken;
}

async function open(hook: Decisions): Promise<void> {
  answer = broken;
  for (let i = 0; i < FAILURES; i++) assert.equal(await fork(hook), undefined);
  assert.equal(hook.counts.take().opened, 1, "the breaker is open now");
}

test("Verifies that an open breaker is neither asked through nor waited for", async () => {
  const hook = decisions();
  await open(hook);
  const before = asked.length;
  answer = silent; // a question asked now would wait for ever
  for (let i = 0; i < 20; i++) assert.equal(await fork(hook), undefined);
  hook.ask("a".repeat(32), 10);
  assert.equal(await hook.stamp("a".repeat(32), "", PATIENT_MS), undefined);
  assert.equal(asked.length, before);
  assert.deepEqual(hook.counts.take(), { skipped: 21 });
});

test("Verifies that fewer failures in a row than it takes leave it closed, and that one success starts the count anew", async () => {
  const hook = decisions();
  for (let round = 0; round < 3; round++) {
    answer = broken;
    for (let i = 0; i < FAILURES - 1; i++) await fork(hook);
    answer = decided;
    assert.equal(await fork(hook), "decision-1");
  }
});

test("Verifies that one question tries the sidecar again after the pause, and that its success closes the breaker", async () => {
  const hook = decisions();
  await open(hook);
  answer = decided;
  mock.timers.tick(OPEN_MS - 1);
  assert.equal(await fork(hook), undefined);
  mock.timers.tick(1);
  assert.equal(await fork(hook), "decision-1");
  assert.equal(await fork(hook), "decision-1");
});

test("Verifies that the pause doubles with every failed trial, up to a minute, and is short again after a success", async () => {
  const hook = decisions();
  await open(hook);
  for (const pauseMs of [1, 2, 4, 8, 16, 32, 60, 60].map((s) => s * OPEN_MS)) {
    mock.timers.tick(pauseMs - 1);
    const before = asked.length;
    await fork(hook);
    assert.equal(asked.length, before, `${pauseMs} ms are not over`);
    mock.timers.tick(1);
    await fork(hook);
    assert.equal(asked.length, before + 1, `${pauseMs} ms are over: exactly one question`);
  }
  mock.timers.tick(60 * OPEN_MS);
  answer = decided;
  assert.equal(await fork(hook), "decision-1");
  await open(hook);
  mock.timers.tick(OPEN_MS);
  answer = decided;
  assert.equal(await fork(hook), "decision-1");
});

test("Verifies that a sidecar that always answers too late opens it, though it answers", async () => {
  const hook = decisions();
  answer = silent;
  for (let i = 0; i < FAILURES; i++) {
    const root = (++roots).toString(16).padStart(32, "0");
    hook.ask(root, 10);
    assert.equal(await hook.stamp(root, "", 5), undefined);
  }
  while (!counted(hook).opened) await new Promise(setImmediate); // the fork has gone on before its question was ended
  const before = asked.length;
  assert.equal(await fork(hook), undefined);
  assert.equal(asked.length, before);
  const { late, opened, skipped } = hook.counts.take();
  assert.deepEqual({ late, opened, skipped }, { late: FAILURES, opened: 1, skipped: 1 });
});

test("Verifies that an answer that no fork waits for may take longer than a deadline", async () => {
  const hook = decisions();
  answer = (_, response) =>
    void setTimeout(() => {
      const stages = [{ forkPath: "", cpu: { accepted: true } }];
      response.end(JSON.stringify({ id: "decision-1", root: "b".repeat(32), published: true, stages }));
    }, 50);
  hook.ask("b".repeat(32), 10);
  assert.equal(await hook.stamp("b".repeat(32), "", PATIENT_MS), "decision-1");
  assert.deepEqual(hook.counts.take(), {});
});

test("Verifies that a fork waits no longer than it is told", async () => {
  const hook = decisions();
  answer = silent;
  await fork(hook, 7);
  assert.deepEqual(sleeps, [7]);
});

test("Verifies that a sidecar that refuses is no outage", async () => {
  const hook = decisions();
  answer = (_, response) => void response.writeHead(404).end('{"error":"no DAG"}');
  for (let i = 0; i < 3 * FAILURES; i++) assert.equal(await fork(hook), undefined);
  assert.equal(asked.length, 3 * FAILURES);
  assert.equal(hook.counts.take().refused, 3 * FAILURES);
});

test("Verifies that what was counted is told with the next question, once, and again if that question fails", async () => {
  const hook = decisions();
  answer = broken;
  await fork(hook);
  await fork(hook);
  answer = decided;
  await fork(hook);
  await fork(hook);
  assert.deepEqual(
    asked.map(({ headers }) => headers[HOOK_COUNTS_HEADER]),
    [undefined, "failed=1", "failed=2", undefined],
  );
});

test("Verifies that the address in the environment wins, also when it changes while the container lives", async () => {
  const env: Record<string, string> = { HARVEST_SIDECAR_URL: "http://127.0.0.1:1" };
  const hook = decisions({}, env);
  assert.equal(await fork(hook), undefined);
  env["HARVEST_SIDECAR_URL"] = url;
  assert.equal(await fork(hook), "decision-1");
});

test("Verifies that nothing is asked without an address or without a key, and that this is no failure", async () => {
  for (const hook of [decisions({ sidecarUrl: "" }), decisions({}, { __OW_API_KEY: "" })]) {
    assert.equal(await fork(hook), undefined);
    assert.deepEqual(hook.counts.take(), {});
  }
  assert.equal(asked.length, 0);
});
