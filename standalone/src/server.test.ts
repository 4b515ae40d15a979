/** The embedded OpenWhisk end to end: real containers, the real npm client. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "@openwhisk-harvest/testkit";
import { startTestStandalone } from "./standalone.kit.js";

let server: Awaited<ReturnType<typeof startTestStandalone>>;
before(async () => {
  server = await startTestStandalone();
});
after(() => server.close());

type Body = Record<string, unknown>;
const create = (name: string, action: string, over: Body = {}) =>
  server.ow.actions.update({ name, action: { exec: { kind: "nodejs:default", code: action }, ...over } as never });
const invoke = (name: string, params: Body = {}, query = "blocking=true") =>
  server.request(`actions/${name}?${query}`, { method: "POST", body: params });
const conductor = { annotations: [{ key: "conductor", value: true }] };
const counting = (component: string, steps: number) =>
  create(
    `${component}-${steps}`,
    `function main(p) {
      const i = p.i ?? 0;
      return i < ${steps} ? { action: '${component}', params: { n: p.n ?? 0 }, state: { i: i + 1 } } : { params: { n: p.n } };
    }`,
    conductor,
  );

/** After whatever went wrong the server goes on. */
async function stillServes(): Promise<void> {
  await create("alive", "const main = () => ({ alive: true })");
  const { status, body } = await invoke("alive", {}, "blocking=true&result=true");
  assert.deepEqual([status, body], [200, { alive: true }]);
}

test("the npm client creates, invokes in all three ways, reads, lists and deletes", async () => {
  const { ow } = server;
  await ow.actions.create({
    name: "hello",
    action: "function main(p) { console.log('for ' + p.name); return { greeting: 'hi ' + p.name } }",
  });
  const activation = await ow.actions.invoke({ name: "hello", blocking: true, params: { name: "Ada" } });
  assert.deepEqual(activation.response, { result: { greeting: "hi Ada" }, size: 21, status: "success", success: true } as never);
  assert.deepEqual(activation.logs, [], "logs are collected after the answer");
  assert.deepEqual(await ow.actions.invoke({ name: "hello", blocking: true, result: true, params: { name: "Bob" } }), {
    greeting: "hi Bob",
  });
  const { activationId } = await ow.actions.invoke({ name: "hello", params: { name: "Cy" } });
  const record = await eventually(() => ow.activations.get({ name: activationId }).catch(() => undefined), "the record");
  assert.deepEqual((record.response as unknown as Body)["result"], { greeting: "hi Cy" });
  const { logs } = (await ow.activations.logs({ name: activationId })) as unknown as { logs: string[] };
  assert.match(String(logs[0]), /stdout: for Cy$/);
  assert.deepEqual(await ow.activations.result({ name: activationId }), {
    result: { greeting: "hi Cy" },
    size: 20,
    status: "success",
    success: true,
  });
  const list = await ow.activations.list({ limit: 2 });
  assert.deepEqual(
    list.map((a) => a.name),
    ["hello", "hello"],
  );
  await ow.actions.delete({ name: "hello" });
  await assert.rejects(ow.actions.invoke({ name: "hello" }), { statusCode: 404 });
});

test("blocking answers: activation or result, in the body's form and with the activation's header", async () => {
  await create("form", "const main = (p) => (p.list ? [1, 2] : p)");
  const full = await invoke("form", { x: 1 });
  assert.equal(full.headers.get("x-openwhisk-activation-id"), full.body.activationId);
  assert.deepEqual([full.status, full.body.response.result], [200, { x: 1 }]);
  assert.deepEqual((await invoke("form", { list: true })).body, [1, 2], "arrays are bare in both forms");
  assert.deepEqual((await invoke("form", { list: true }, "blocking=true&result=true")).body, [1, 2]);
  const accepted = await invoke("form", {}, "");
  assert.deepEqual([accepted.status, Object.keys(accepted.body)], [202, ["activationId"]]);
});

test("parameters: the action's own below the payload; final ones may not be overridden", async () => {
  await create("bound", "const main = (p) => p", {
    parameters: [
      { key: "a", value: 1 },
      { key: "b", value: 1 },
    ],
  });
  assert.deepEqual((await invoke("bound", { b: 2 }, "blocking=true&result=true")).body, { a: 1, b: 2 });
  await create("bound", "const main = (p) => p", { annotations: [{ key: "final", value: true }] });
  const refused = await invoke("bound", { b: 2 });
  assert.deepEqual(
    [refused.status, refused.body.error],
    [400, "Request defines parameters that are not allowed (e.g., reserved properties)."],
  );
});

test("a conductor of three steps, a nested composition and a sequence", async () => {
  await create("add", "const main = (p) => ({ n: p.n + 1 })");
  await counting("add", 3);
  const session = await invoke("add-3", { n: 1 });
  assert.deepEqual([session.status, session.body.response.result], [200, { n: 4 }]);
  assert.equal(session.body.logs.length, 7);
  await counting("add-3", 2);
  const nested = await invoke("add-3-2", { n: 0 });
  assert.deepEqual(nested.body.response.result, { n: 6 });
  await server.ow.actions.update({ name: "twice", sequence: ["/_/add", "/_/add-3"] } as never);
  const sequence = await invoke("twice", { n: 0 });
  assert.deepEqual(sequence.body.response.result, { n: 4 });
  const steps = await Promise.all(sequence.body.logs.map((id: string) => server.request(`activations/${id}`)));
  assert.deepEqual(
    steps.map((s) => s.body.cause),
    [sequence.body.activationId, sequence.body.activationId],
  );
});

test("activations are found by name and time, newest first", async () => {
  await create("timed", "const main = () => ({})");
  const ids: string[] = [];
  for (let i = 0; i < 3; i++) ids.push((await invoke("timed")).body.activationId);
  const found = async (query: string) => (await server.request(`activations?name=timed${query}`)).body.map((a: Body) => a["activationId"]);
  assert.deepEqual(await found(""), ids.toReversed());
  assert.deepEqual(await found("&limit=1&skip=1"), [ids[1]]);
  const { start } = (await server.request(`activations/${ids[1]}`)).body;
  assert.ok((await found(`&since=${start}`)).includes(ids[1]));
  assert.ok((await found(`&upto=${start}`)).includes(ids[1]));
  assert.deepEqual(await found(`&since=${Date.now() + 60_000}`), []);
  assert.deepEqual((await server.request("activations?name=timed&count=true")).body, { activations: 3 });
  const [row] = (await server.request("activations?name=timed&limit=1")).body;
  assert.equal(row.statusCode, 0);
  assert.equal("response" in row, false);
  const [full] = (await server.request("activations?name=timed&limit=1&docs=true")).body;
  assert.equal(full.response.status, "success");
});

test("an action calls the API back with the client of its own runtime", async () => {
  // The caller keeps its permits while it waits, so both have to fit at once, on the smallest host too.
  const half = { key: "cpu", value: 0.5 };
  await create("callee", "const main = (p) => ({ heard: p.say })", { annotations: [half] });
  await create(
    "caller",
    `const openwhisk = require('openwhisk');
     const main = () => openwhisk().actions.invoke({ name: 'callee', blocking: true, result: true, params: { say: 'yes' } });`,
    { annotations: [{ key: "provide-api-key", value: true }, half] },
  );
  assert.deepEqual((await invoke("caller", {}, "blocking=true&result=true")).body, { heard: "yes" });
});

test("malformed JSON, what is no object, an unknown action and a wrong key", async () => {
  await create("form", "const main = (p) => p");
  const malformed = await server.request("actions/form?blocking=true", { method: "POST", text: '{"a":' });
  assert.equal(malformed.status, 400);
  assert.match(malformed.body.error, /^The request content was malformed:\n/);
  assert.equal(malformed.body.code, malformed.headers.get("x-request-id"));
  assert.equal((await server.request("actions/form", { method: "POST", body: [1] })).status, 400);
  const unknown = await invoke("nowhere");
  assert.deepEqual([unknown.status, unknown.body.error], [404, "The requested resource does not exist."]);
  assert.equal((await server.request("actions/form", { method: "POST", body: {}, auth: "a:b" })).status, 401);
  for (const timeout of ["0", "60001", "x"])
    assert.equal((await invoke("form", {}, `blocking=true&timeout=${timeout}`)).status, 400, timeout);
  await stillServes();
});

test("a parameter of 2 MB is refused with 413, also by the npm client", async () => {
  await create("form", "const main = (p) => p");
  const answer = await invoke("form", { big: "x".repeat(2 << 20) });
  assert.equal(answer.status, 413);
  assert.match(answer.body.error, /^Request larger than allowed: 20971\d\d > 1048576 bytes.$/);
  await assert.rejects(server.ow.actions.invoke({ name: "form", params: { big: "x".repeat(2 << 20) } }), { statusCode: 413 });
  await stillServes();
});

test("an action that throws, and one that returns an error", async () => {
  await create("throws", "const main = () => { throw new Error('broken') }");
  const thrown = await invoke("throws");
  assert.deepEqual([thrown.status, thrown.body.response.status, thrown.body.response.success], [502, "action developer error", false]);
  await create("fails", "const main = () => ({ error: 'no' })");
  const failed = await invoke("fails");
  assert.deepEqual([failed.status, failed.body.response.status, failed.body.response.result], [502, "application error", { error: "no" }]);
  assert.deepEqual((await invoke("fails", {}, "blocking=true&result=true")).body, { error: "no" });
  await stillServes();
});

test("an action that never returns ends at its time limit; the client waits no longer than it said", async () => {
  await create("never", "const main = () => new Promise(() => {})", { limits: { timeout: 500 } });
  const waited = await invoke("never", {}, "blocking=true&timeout=100");
  assert.equal(waited.status, 202);
  const ended = await invoke("never");
  assert.equal(ended.status, 502);
  assert.deepEqual(ended.body.response.result, { error: "The action exceeded its time limits of 500 milliseconds." });
  const record = await eventually(async () => {
    const { status, body } = await server.request(`activations/${waited.body.activationId}`);
    return status === 200 ? body : undefined;
  }, "the record");
  assert.equal(record.response.status, "action developer error");
  await stillServes();
});

test("an action that exceeds its memory is ended", async () => {
  await create("greedy", "const main = () => { const all = []; for (;;) all.push(Buffer.alloc(16 << 20, 1)) }", {
    limits: { memory: 128, timeout: 20_000 },
  });
  const answer = await invoke("greedy");
  assert.deepEqual([answer.status, answer.body.response.status], [502, "action developer error"]);
  assert.match(answer.body.response.result.error, /exhausted its memory|exited unexpectedly/);
  await stillServes();
});

test("an action that no invoker can hold is refused with 503", async () => {
  await create("huge", "const main = () => ({})", { limits: { memory: 8192 } });
  const answer = await invoke("huge");
  assert.equal(answer.status, 503);
  assert.equal((await invoke("huge", {}, "")).status, 503, "also when no client waits");
  await stillServes();
});

test("keys, payloads and results are in no line of the log", () => {
  const log = JSON.stringify(server.log.lines);
  assert.equal(log.includes(server.standalone.auth.split(":")[1] ?? ""), false);
  for (const word of ["Ada", "hi Bob", "xxxxxxxx"]) assert.equal(log.includes(word), false, word);
});

test("actions, activations and the key outlive a restart", async () => {
  await create("lasting", "const main = (p) => p");
  const { activationId } = (await invoke("lasting", { x: 1 })).body;
  const { auth } = server.standalone;
  await server.restart();
  assert.equal(server.standalone.auth, auth);
  assert.deepEqual((await server.request(`activations/${activationId}/result`)).body.result, { x: 1 });
  assert.deepEqual((await invoke("lasting", { x: 2 }, "blocking=true&result=true")).body, { x: 2 });
});

test("a port that is taken is a mistake in the configuration, and nothing stays behind", async () => {
  const { port } = new URL(server.standalone.apihost);
  await assert.rejects(startTestStandalone([`standalone.port=${port}`]), { code: "OWH_BAD_CONFIG" });
  await stillServes();
});

test("close lets what runs come to its end", async () => {
  await create("slow", "const main = () => new Promise((done) => setTimeout(() => done({ slow: true }), 700))");
  await invoke("slow");
  const running = invoke("slow", {}, "blocking=true&result=true");
  await eventually(async () => (await server.request("activations?name=slow&count=true")).body.activations === 1, "the first has ended");
  await server.restart();
  assert.deepEqual((await running).body, { slow: true });
  assert.deepEqual((await server.request("activations?name=slow&count=true")).body, { activations: 2 });
});

test("while it closes, what runs may still invoke, and no other caller", async () => {
  const half = { key: "cpu", value: 0.5 };
  await create("callee", "const main = () => ({ heard: true })", { annotations: [half] });
  await create(
    "late-caller",
    `const openwhisk = require('openwhisk');
     const wait = (ms) => new Promise((done) => setTimeout(done, ms));
     const main = () => wait(700).then(() => openwhisk().actions.invoke({ name: 'callee', blocking: true, result: true }));`,
    { annotations: [{ key: "provide-api-key", value: true }, half] },
  );
  const placedBefore = server.log.lines.filter((l) => l.message === "placed").length;
  const running = invoke("late-caller", {}, "blocking=true&result=true");
  await eventually(() => server.log.lines.filter((l) => l.message === "placed").length > placedBefore, "it is placed");
  const restarted = server.restart();
  const refused = await invoke("callee");
  assert.deepEqual([refused.status, typeof refused.body.code], [503, "string"]);
  assert.deepEqual((await running).body, { heard: true });
  await restarted;
  await stillServes();
});
