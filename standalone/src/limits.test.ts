/** Every limit with OpenWhisk's error, and that it can be set (openwhisk-protocol, 4.2 and 6). */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "@openwhisk-harvest/testkit";
import { startTestStandalone, type TestStandalone } from "./standalone.kit.js";

let server: TestStandalone;
before(async () => {
  server = await startTestStandalone([
    "standalone.sequenceMaxLength=2",
    "standalone.concurrentInvocations=1",
    "standalone.payloadMaxBytes=5000",
    "standalone.invocationsPerMinute=1000",
    "standalone.firesPerMinute=2",
    "standalone.limits.codeMaxBytes=200",
    "standalone.limits.parametersMaxBytes=100",
    ...["min=200", "std=400", "max=2000"].map((bound) => `standalone.limits.timeoutMs.${bound}`),
    ...["std=192", "max=512"].map((bound) => `standalone.limits.memoryMb.${bound}`),
    ...["std=1", "max=1"].map((bound) => `standalone.limits.logsMb.${bound}`),
  ]);
});
after(() => server.close());

type Body = Record<string, unknown>;
const put = (name: string, code: string, over: Body = {}) =>
  server.request(`actions/${name}?overwrite=true`, {
    method: "PUT",
    body: { exec: { kind: "nodejs:20", code }, annotations: [{ key: "cpu", value: 0.25 }], ...over },
  });
const invoke = (name: string, query = "blocking=true", body: Body = {}) =>
  server.request(`actions/${name}?${query}`, { method: "POST", body });
const nothing = "const main = () => ({})";

test("what an action may ask for, and what it gets when it does not say", async () => {
  assert.deepEqual((await put("std", nothing)).body.limits, { timeout: 400, memory: 192, logs: 1, concurrency: 1 });
  const table: [Body, RegExp][] = [
    [{ timeout: 199 }, /duration 199 milliseconds below allowed threshold of 200 milliseconds/],
    [{ timeout: 2_001 }, /duration 2001 milliseconds exceeds allowed threshold of 2000 milliseconds/],
    [{ memory: 127 }, /memory 127 MB below allowed threshold of 128 MB/],
    [{ memory: 513 }, /memory 513 MB exceeds allowed threshold of 512 MB/],
    [{ logs: 2 }, /log 2 MB exceeds allowed threshold of 1 MB/],
    [{ concurrency: 2 }, /concurrency 2 exceeds allowed threshold of 1/],
  ];
  for (const [limits, error] of table) {
    const { status, body } = await put("over", nothing, { limits });
    assert.equal(status, 400);
    assert.match(body.error, error);
  }
  const { limits } = (await server.request("/")).body;
  assert.deepEqual(
    [limits.max_action_memory, limits.max_action_duration, limits.triggers_per_minute, limits.sequence_length],
    [512 << 20, 2_000, 2, 2],
  );
});

test("code, parameters, payload and result", async () => {
  const code = await put("code", `${nothing}//${"x".repeat(200)}`);
  assert.deepEqual([code.status, code.body.error], [413, "Code larger than allowed: 225 > 200 bytes."]);
  const parameters = await put("parameters", nothing, { parameters: [{ key: "a", value: "x".repeat(100) }] });
  assert.equal(parameters.status, 413);
  assert.match(parameters.body.error, /^Parameters larger than allowed: \d+ > 100 bytes.$/);
  const annotations = await put("annotations", nothing, { annotations: [{ key: "a", value: "x".repeat(100) }] });
  assert.match(annotations.body.error, /^Annotations larger than allowed: \d+ > 100 bytes.$/);
  await put("echo", "const main = (p) => p");
  assert.equal((await invoke("echo", "blocking=true", { a: "x".repeat(5_000) })).status, 413);
  await put("large", "const main = () => ({ a: 'x'.repeat(6000) })");
  const large = await invoke("large");
  assert.deepEqual([large.status, large.body.response.status], [502, "application error"]);
  assert.match(large.body.response.result.error, /^The action produced a response that exceeded the allowed length: \d+ > 5000 bytes/);
});

test("time, and logs", async () => {
  await put("slow", "const main = () => new Promise(() => {})");
  const slow = await invoke("slow");
  assert.deepEqual(slow.body.response.result, { error: "The action exceeded its time limits of 400 milliseconds." });
  assert.equal(slow.body.annotations.find((a: Body) => a["key"] === "timeout").value, true);
  await put("loud", "const main = () => { for (let i = 0; i < 3000; i++) console.log('x'.repeat(500)); return {} }", {
    limits: { timeout: 2_000 },
  });
  const { activationId } = (await invoke("loud")).body;
  const logs = await eventually(async () => {
    const { body } = await server.request(`activations/${activationId}/logs`);
    return (body.logs as string[]).length > 0 ? (body.logs as string[]) : undefined;
  }, "the logs are there");
  assert.ok(logs.some((line) => line.endsWith("Logs were truncated because the total bytes size exceeds the limit of 1048576 bytes.")));
  assert.ok(logs.length < 3_000);
});

test("a range that is none is a mistake in the configuration", async () => {
  await assert.rejects(startTestStandalone(["standalone.limits.memoryMb.max=200"]), {
    code: "OWH_BAD_CONFIG",
    message: /limits\.memoryMb/,
  });
});

test("the length of a sequence", async () => {
  const { status, body } = await server.request("actions/long", {
    method: "PUT",
    body: { exec: { kind: "sequence", components: ["/_/echo", "/_/echo", "/_/echo"] } },
  });
  assert.deepEqual([status, body.error], [400, "Too many actions in the sequence."]);
});

test("activations in flight: the next one hears how many there are", async () => {
  await put("busy", "const main = () => new Promise((done) => setTimeout(done, 1500))", { limits: { timeout: 2_000 } });
  const running = invoke("busy");
  const refused = await eventually(async () => {
    const answer = await invoke("echo", "");
    return answer.status === 429 ? answer : undefined;
  }, "an invocation is refused");
  assert.equal(refused.body.error, "Too many concurrent requests in flight (count: 1, allowed: 1).");
  await running;
});

test("triggers in a minute", async () => {
  await server.request("triggers/t", { method: "PUT", body: {} });
  const fire = async () => (await server.request("triggers/t", { method: "POST", body: {} })).status;
  const statuses = [await fire(), await fire(), await fire(), await fire(), await fire()];
  assert.ok(statuses.includes(204) && statuses.includes(429), "a minute may begin in between, but not five times");
});
