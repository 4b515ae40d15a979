/** Two small invokers, a short line and tight throttles: what the controller does when there is too much of everything. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "@openwhisk-harvest/testkit";
import { startTestStandalone } from "./standalone.kit.js";

let server: Awaited<ReturnType<typeof startTestStandalone>>;
before(async () => {
  server = await startTestStandalone([
    "standalone.invokers=2",
    "standalone.cpuCores=1",
    "standalone.memoryMb=1024",
    "standalone.queueDeadlineMs=3000",
    "standalone.queueLength=3",
    "standalone.concurrentInvocations=6",
  ]);
});
after(() => server.close());

const half = { key: "cpu", value: 0.5 };
const create = (name: string, code: string, over: object = {}) =>
  server.ow.actions.update({ name, action: { exec: { kind: "nodejs:default", code }, limits: { memory: 128 }, ...over } as never });
const invoke = (name: string, query = "blocking=true") => server.request(`actions/${name}?${query}`, { method: "POST", body: {} });
const sleeper = (ms: number) => `const main = () => new Promise((done) => setTimeout(() => done({ slept: true }), ${ms}))`;
const idle = () =>
  eventually(async () => (await server.request("activations?count=true&name=long")).body.activations >= 2, "both long ones have ended");

test("an activation that finds no room waits for it, and is placed when permits come back", async () => {
  await create("short", sleeper(400), { annotations: [half] });
  const answers = await Promise.all([invoke("short"), invoke("short"), invoke("short")]);
  assert.deepEqual(
    answers.map((a) => a.status),
    [200, 200, 200],
  );
  const waits = answers.map((a) => a.body.annotations.find((x: { key: string }) => x.key === "waitTime").value as number);
  assert.ok(Math.max(...waits) >= 400, `the third waited for one of the others: ${waits}`);
});

test("one that waits too long gets 503 and a record, and one behind a full line 503 at once", async () => {
  await create("long", sleeper(3500), { annotations: [half] });
  const holders = [await invoke("long", ""), await invoke("long", "")];
  assert.deepEqual(
    holders.map((a) => a.status),
    [202, 202],
  );
  await create("late", "const main = () => ({})", { annotations: [half] });
  const unattended = await invoke("late", "");
  const attended = invoke("late");
  const third = await invoke("late", "");
  assert.equal(third.status, 202);
  assert.equal((await invoke("late", "")).status, 503, "the line is full");
  const late = await attended;
  assert.deepEqual([late.status, typeof late.body.code], [503, "string"]);
  const record = await eventually(async () => {
    const { status, body } = await server.request(`activations/${unattended.body.activationId}`);
    return status === 200 ? body : undefined;
  }, "the record of what found no room");
  assert.deepEqual([record.response.status, record.response.result.error], ["whisk internal error", "No invoker got room within 3000 ms."]);
  await idle();
});

test("a namespace with too much in flight gets 429", async () => {
  await create("none", sleeper(700), {
    annotations: [
      { key: "cpu", value: 0.25 },
      { key: "conductor", value: true },
    ],
  });
  const running = Array.from({ length: 6 }, () => invoke("none"));
  const refused = await eventually(async () => {
    const answer = await invoke("none", "");
    return answer.status === 429 ? answer : undefined;
  }, "an invocation is refused");
  assert.match(refused.body.error, /^Too many concurrent requests in flight \(count: 6, allowed: 6\).$/);
  for (const answer of await Promise.all(running)) assert.ok([200, 429, 503].includes(answer.status));
  await eventually(async () => (await invoke("none")).status === 200, "there is room again");
});

test("conductors that hold all their share of the memory leave room for the components they wait for", async () => {
  await create("component", "const main = () => ({ done: true })", { annotations: [half] });
  await create(
    "parent",
    `const openwhisk = require('openwhisk');
     const main = async () => ({ params: await openwhisk().actions.invoke({ name: 'component', blocking: true, result: true }) });`,
    {
      annotations: [
        { key: "conductor", value: true },
        { key: "provide-api-key", value: true },
      ],
      limits: { memory: 256 },
    },
  );
  const parents = await Promise.all([invoke("parent"), invoke("parent"), invoke("parent")]);
  assert.deepEqual(
    parents.map((p) => p.body.response?.result ?? p.body),
    Array(3).fill({ done: true }),
  );
});
