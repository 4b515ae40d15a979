/**
 * The real npm client: every operation of actions, activations, namespaces, packages, rules and triggers that OpenWhisk has
 * (those of `routes` and `feeds` need an API gateway or a feed action).
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "@openwhisk-harvest/testkit";
import { startTestStandalone } from "../standalone.kit.js";

let server: Awaited<ReturnType<typeof startTestStandalone>>;
before(async () => {
  server = await startTestStandalone();
});
after(() => server.close());

type Body = Record<string, unknown>;
const echo = "const main = (p) => { console.log('seen'); return p }";
const cheap = { cpu: 0.25 };
// biome-ignore lint/suspicious/noExplicitAny: the client's types lag behind what it does
const ow = () => server.ow as any;
const names = (list: Body[]) => list.map((e) => e["name"]).sort();

test("actions: list, create, update, get, invoke, delete, with parameters, limits, annotations and sequences", async () => {
  const { actions } = ow();
  const made = await actions.create({
    name: "npm",
    action: echo,
    params: { a: 1 },
    annotations: cheap,
    limits: { memory: 128, timeout: 5_000 },
  });
  assert.deepEqual([made.version, made.limits.memory, made.limits.timeout], ["0.0.1", 128, 5_000]);
  assert.equal((await actions.update({ name: "npm", action: echo, annotations: cheap })).version, "0.0.2");
  await assert.rejects(actions.create({ name: "npm", action: echo }), { statusCode: 409 });
  assert.equal((await actions.get({ name: "npm" })).exec.code, echo);
  assert.equal("code" in (await actions.get({ name: "npm", code: false })).exec, false);
  assert.deepEqual(await actions.invoke({ name: "npm", blocking: true, result: true, params: { b: 2 } }), { a: 1, b: 2 });
  assert.match((await actions.invoke({ name: "npm" })).activationId, /^[0-9a-f]{32}$/);
  await actions.create({ name: "npm-sequence", sequence: ["npm", "/_/npm"] });
  assert.deepEqual(await actions.invoke({ name: "npm-sequence", blocking: true, result: true, params: { c: 3 } }), { a: 1, c: 3 });
  assert.deepEqual(names(await actions.list({ limit: 200, skip: 0 })), ["npm", "npm-sequence"]);
  assert.deepEqual(await actions.list({ count: true }), { actions: 2 });
  assert.equal((await actions.delete({ name: "npm-sequence" })).name, "npm-sequence");
  await assert.rejects(actions.get({ name: "npm-sequence" }), { statusCode: 404 });
});

test("actions from an archive", async () => {
  const { zipSync, strToU8 } = await import("fflate");
  const archive = zipSync({
    "package.json": strToU8('{"main":"index.js"}'),
    "index.js": strToU8("exports.main = () => ({ zipped: true })"),
  });
  await ow().actions.create({ name: "zipped", action: Buffer.from(archive), annotations: cheap });
  assert.deepEqual(await ow().actions.invoke({ name: "zipped", blocking: true, result: true }), { zipped: true });
});

test("activations: list with every filter, get, result, logs", async () => {
  const { actions, activations } = ow();
  await actions.update({ name: "watched", action: echo, annotations: cheap });
  const first = await actions.invoke({ name: "watched", blocking: true, params: { n: 1 } });
  const second = await actions.invoke({ name: "watched", blocking: true, params: { n: 2 } });
  const ids = async (options: Body) => (await activations.list({ name: "watched", ...options })).map((a: Body) => a["activationId"]);
  assert.deepEqual(await ids({}), [second.activationId, first.activationId]);
  assert.deepEqual(await ids({ limit: 1, skip: 1 }), [first.activationId]);
  assert.deepEqual(await ids({ since: second.start + 1 }), []);
  assert.deepEqual(await ids({ upto: first.start - 1 }), []);
  assert.deepEqual(await activations.list({ name: "watched", count: true }), { activations: 2 });
  assert.deepEqual((await activations.list({ name: "watched", docs: true, limit: 1 }))[0].response.result, { n: 2 });
  assert.deepEqual((await activations.get({ name: first.activationId })).response.result, { n: 1 });
  assert.deepEqual((await activations.result({ name: first.activationId })).result, { n: 1 });
  const logs = await eventually(async () => {
    const { logs: lines } = await activations.logs({ name: first.activationId });
    return lines.length > 0 ? lines : undefined;
  }, "the logs are there");
  assert.match(logs[0], /^\d{4}-\d\d-\d\dT[\d:.]+Z\s+stdout: seen$/);
  await assert.rejects(activations.get({ name: "0".repeat(32) }), { statusCode: 404 });
});

test("namespaces: list, get", async () => {
  assert.deepEqual(await ow().namespaces.list(), ["guest"]);
  const limits = (await server.request("limits")).body;
  const { invocationsPerMinute, concurrentInvocations, firesPerMinute, ...ofActions } = limits as Record<string, number>;
  assert.deepEqual([invocationsPerMinute, concurrentInvocations, firesPerMinute], [6_000, 100, 6_000]);
  assert.deepEqual([ofActions["minActionConcurrency"], ofActions["maxActionConcurrency"], ofActions["maxActionTimeout"]], [1, 1, 300_000]);
  const names = ["Timeout", "Memory", "Logs", "Concurrency"].flatMap((name) => [`maxAction${name}`, `minAction${name}`]);
  assert.deepEqual(Object.keys(ofActions), names);
});

test("packages: list, create, update, get, delete", async () => {
  const { actions, packages } = ow();
  assert.equal((await packages.create({ name: "npm-package", package: { parameters: [{ key: "a", value: 1 }] } })).version, "0.0.1");
  assert.equal((await packages.update({ name: "npm-package", package: { publish: true } })).publish, true);
  await actions.create({ name: "npm-package/echo", action: echo, annotations: cheap });
  assert.deepEqual(names((await packages.get({ name: "npm-package" })).actions), ["echo"]);
  assert.deepEqual(await actions.invoke({ name: "npm-package/echo", blocking: true, result: true }), { a: 1 });
  assert.deepEqual(await actions.invoke({ name: "/guest/npm-package/echo", blocking: true, result: true, params: { a: 2 } }), { a: 2 });
  assert.deepEqual(names(await packages.list()), ["npm-package"]);
  await assert.rejects(packages.delete({ name: "npm-package" }), { statusCode: 409 });
  await actions.delete({ name: "npm-package/echo" });
  await packages.delete({ name: "npm-package" });
  await assert.rejects(packages.get({ name: "npm-package" }), { statusCode: 404 });
});

test("triggers and rules: all of theirs", async () => {
  const { actions, triggers, rules, activations } = ow();
  await actions.update({ name: "heard", action: echo, annotations: cheap });
  await triggers.create({ name: "bell" });
  await triggers.update({ name: "bell", trigger: { parameters: [{ key: "from", value: "bell" }] } });
  assert.equal((await triggers.get({ name: "bell" })).parameters[0].value, "bell");
  await rules.create({ name: "on-bell", action: "heard", trigger: "bell" });
  await rules.update({ name: "on-bell", action: "/guest/heard", trigger: "/guest/bell" });
  await rules.disable({ name: "on-bell" });
  assert.equal((await rules.get({ name: "on-bell" })).status, "inactive");
  assert.equal((await rules.enable({ name: "on-bell" })) !== undefined, true);
  const { activationId } = await triggers.invoke({ name: "bell", params: { x: 1 } });
  const fired = await eventually(
    () => activations.get({ name: activationId }).catch(() => undefined) as Promise<{ logs: string[] } | undefined>,
    "the trigger's record",
  );
  const { activationId: heard } = JSON.parse(fired.logs[0] ?? "{}");
  const record = await eventually(
    () => activations.get({ name: heard }).catch(() => undefined) as Promise<{ response: { result: Body } } | undefined>,
    "the record of the action that the trigger woke",
  );
  assert.deepEqual([record.response.result["from"], record.response.result["x"]], ["bell", 1]);
  assert.deepEqual([names(await triggers.list()), names(await rules.list())], [["bell"], ["on-bell"]]);
  await rules.delete({ name: "on-bell" });
  await triggers.delete({ name: "bell" });
  await assert.rejects(rules.get({ name: "on-bell" }), { statusCode: 404 });
});

test("an action that fails is an error of the client, with the activation's result", async () => {
  await ow().actions.update({ name: "fails", action: "const main = () => ({ error: 'no' })", annotations: cheap });
  await assert.rejects(
    ow().actions.invoke({ name: "fails", blocking: true, result: true }),
    (error: { statusCode: number; error: Body }) => {
      assert.equal(error.statusCode, 502);
      assert.equal((error.error["response"] as Body)["status"], "application error");
      return true;
    },
  );
});
