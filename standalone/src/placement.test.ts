/** Two small invokers, a short line and tight throttles: what the controller does when there is too much of everything. */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { eventually } from "@openwhisk-harvest/testkit";
import { startTestStandalone } from "./standalone.kit.js";

const SMALL = ["standalone.invokers=2", "standalone.cpuCores=1", "standalone.memoryMb=1024"];
const TIGHT = ["standalone.admissionWaitMs=600000", "standalone.queueLength=1", "standalone.concurrentInvocations=3"];
let server: Awaited<ReturnType<typeof startTestStandalone>>;
afterEach(() => server.close());

const half = { key: "cpu", value: 0.5 };
const create = (name: string, code: string, over: object = {}) =>
  server.ow.actions.update({ name, action: { exec: { kind: "nodejs:default", code }, limits: { memory: 128 }, ...over } as never });
const invoke = (name: string, query = "blocking=true") => server.request(`actions/${name}?${query}`, { method: "POST", body: {} });
const sleeper = (ms: number) => `const main = () => new Promise((done) => setTimeout(() => done({ slept: true }), ${ms}))`;

test("an activation that finds no room waits for it, and is placed when permits come back", async () => {
  server = await startTestStandalone(SMALL);
  await create("short", sleeper(400), { annotations: [half] });
  const answers = await Promise.all([invoke("short"), invoke("short"), invoke("short")]);
  assert.deepEqual(
    answers.map((a) => a.status),
    [200, 200, 200],
  );
  const waits = answers.map((a) => a.body.annotations.find((x: { key: string }) => x.key === "waitTime").value as number);
  assert.ok(Math.max(...waits) >= 400, `the third waited for one of the others: ${waits}`);
});

test("a namespace with too much at a time gets 429, and is told when to come again; what belongs to its runs does not count", async () => {
  server = await startTestStandalone([...SMALL, ...TIGHT]);
  await create("long", sleeper(2_000), { annotations: [half] });
  await create("short", sleeper(400), { annotations: [half] });
  await server.ow.actions.update({ name: "row", sequence: ["/_/long", "/_/short"] } as never);
  const running = [invoke("row"), invoke("row"), invoke("long")];
  const refused = await eventually(async () => {
    const answer = await invoke("long", "");
    return answer.status === 429 ? answer : undefined;
  }, "an invocation is refused");
  assert.match(refused.body.error, /^Too many concurrent requests in flight \(count: 3, allowed: 3\).$/);
  assert.ok(Number(refused.headers.get("retry-after")) >= 1);
  for (const answer of await Promise.all(running)) assert.ok([200, 429].includes(answer.status));
  await eventually(async () => (await invoke("short")).status === 200, "there is room again");
});

test("a full line refuses the namespace that fills it with 429, and no other", async () => {
  server = await startTestStandalone([...SMALL, ...TIGHT]);
  await create("short", sleeper(400), { annotations: [half] });
  await create("holder", sleeper(10_000), { annotations: [half] });
  const { authkey } = await server.standalone.createIdentity("other");
  const other = { method: "POST", body: {}, auth: authkey };
  const body = { exec: { kind: "nodejs:default", code: "const main = () => ({})" }, limits: { memory: 128 }, annotations: [half] };
  assert.equal((await server.request("actions/late", { method: "PUT", body, auth: authkey })).status, 200);
  const held = [await invoke("holder", ""), await invoke("holder", ""), await invoke("short", "")];
  assert.deepEqual(
    held.map(({ status }) => status),
    [202, 202, 202],
  );
  const late = server.request("actions/late?blocking=true", other);
  const refused = await eventually(async () => {
    const answer = await server.request("actions/late", other);
    return answer.status === 429 ? answer : undefined;
  }, "the line is full");
  assert.match(refused.body.error, /^Too many invocations are waiting \(count: \d, expected wait: \d+ ms\).$/);
  assert.ok(Number(refused.headers.get("retry-after")) >= 1);
  assert.equal((await late).status, 200, "what was let in ends");
});

test("conductors that hold all their share of the memory leave room for the components they wait for", async () => {
  server = await startTestStandalone(SMALL);
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
