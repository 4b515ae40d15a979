/** Triggers and rules (openwhisk-protocol, 8; Triggers.scala, Rules.scala). */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "@openwhisk-harvest/testkit";
import { startTestStandalone } from "../standalone.kit.js";

let server: Awaited<ReturnType<typeof startTestStandalone>>;
before(async () => {
  server = await startTestStandalone();
  await put("actions/heard", {
    exec: { kind: "nodejs:default", code: "const main = (p) => p" },
    annotations: [{ key: "cpu", value: 0.25 }],
  });
});
after(() => server.close());

type Body = Record<string, unknown>;
const put = (path: string, body: Body = {}) => server.request(`${path}?overwrite=true`, { method: "PUT", body });
const fire = (name: string, body: Body = {}) => server.request(`triggers/${name}`, { method: "POST", body });
const setStatus = (name: string, status: unknown) => server.request(`rules/${name}`, { method: "POST", body: { status } });
const record = (id: string) =>
  eventually(async () => {
    const { status, body } = await server.request(`activations/${id}`);
    return status === 200 ? body : undefined;
  }, `the record of ${id}`);

test("a trigger: made, read, updated, listed, deleted; it keeps its rules over an update", async () => {
  const made = await put("triggers/t", { parameters: [{ key: "a", value: 1 }] });
  const { updated: _, ...rest } = made.body;
  assert.deepEqual(rest, {
    namespace: "guest",
    name: "t",
    version: "0.0.1",
    publish: false,
    annotations: [],
    parameters: [{ key: "a", value: 1 }],
    limits: {},
  });
  await put("rules/r", { trigger: "/_/t", action: "/_/heard" });
  const updated = (await put("triggers/t", { annotations: [{ key: "x", value: 1 }] })).body;
  assert.deepEqual(
    [updated.version, updated.parameters, updated.rules],
    ["0.0.2", [{ key: "a", value: 1 }], { "guest/r": { action: { path: "guest", name: "heard" }, status: "active" } }],
  );
  const [row] = (await server.request("triggers")).body;
  assert.deepEqual(Object.keys(row).sort(), ["annotations", "name", "namespace", "publish", "updated", "version"]);
  assert.deepEqual((await server.request("triggers?count=true")).body, { triggers: 1 });
  assert.equal((await server.request("triggers/t", { method: "DELETE" })).body.name, "t");
  assert.equal((await server.request("rules/r")).body.status, "inactive", "the rule stays");
  assert.deepEqual((await setStatus("r", "active")).body.error, "Only rules with existing triggers can be activated");
  await server.request("rules/r", { method: "DELETE" });
  assert.equal(
    (await server.request("triggers/t", { method: "PUT", body: { annotations: [{ key: "feed", value: "a//b" }] } })).status,
    400,
  );
});

test("a rule: made active, switched, updated to another trigger, listed without status, deleted", async () => {
  await put("triggers/one");
  await put("triggers/two");
  const made = await put("rules/rule", { trigger: "/_/one", action: "/guest/heard" });
  const { updated: _, ...rest } = made.body;
  assert.deepEqual(rest, {
    namespace: "guest",
    name: "rule",
    version: "0.0.1",
    publish: false,
    annotations: [],
    trigger: { path: "guest", name: "one" },
    action: { path: "guest", name: "heard" },
    status: "active",
  });
  assert.equal((await setStatus("rule", "inactive")).status, 200);
  assert.equal((await setStatus("rule", "inactive")).status, 200, "again changes nothing");
  assert.equal((await server.request("rules/rule")).body.status, "inactive");
  const moved = (await put("rules/rule", { trigger: "/guest/two" })).body;
  assert.deepEqual([moved.trigger, moved.status, moved.version], [{ path: "guest", name: "two" }, "inactive", "0.0.2"]);
  assert.deepEqual((await server.request("triggers/one")).body.rules, {});
  assert.deepEqual(Object.keys((await server.request("triggers/two")).body.rules), ["guest/rule"]);
  const [row] = (await server.request("rules")).body;
  assert.deepEqual([row.name, row.action, "status" in row], ["rule", { path: "guest", name: "heard" }, false]);
  assert.equal((await server.request("rules/rule", { method: "DELETE" })).body.status, "inactive");
  assert.deepEqual((await server.request("triggers/two")).body.rules, {});
});

test("what no rule can be", async () => {
  await put("triggers/there");
  const table: [Body, number, RegExp][] = [
    [{}, 400, /^rule requires a valid trigger and a valid action$/],
    [{ trigger: "/_/there" }, 400, /requires a valid trigger/],
    [{ trigger: "/_/none", action: "/_/heard" }, 400, /^trigger \/guest\/none does not exist$/],
    [{ trigger: "/_/there", action: "/_/none" }, 400, /^action \/guest\/none does not exist$/],
    [{ trigger: "/_/heard", action: "/_/heard" }, 400, /^trigger \/guest\/heard does not exist$/],
    [{ trigger: 7, action: "/_/heard" }, 400, /fully qualified name/],
    [{ trigger: "/_/there", action: "/nobody/heard" }, 403, /not authorized to access 'nobody\/heard'/],
  ];
  for (const [body, status, error] of table) {
    const answer = await put("rules/bad", body);
    assert.deepEqual([answer.status, error.test(answer.body.error)], [status, true], answer.body.error);
  }
  await put("rules/ok", { trigger: "/_/there", action: "/_/heard" });
  for (const status of ["on", 1, null]) assert.equal((await setStatus("ok", status)).status, 400);
  assert.equal((await setStatus("none", "active")).status, 404);
});

test("firing: every active rule's action runs with the trigger's parameters below the payload; the record names them all", async () => {
  await put("triggers/fired", {
    parameters: [
      { key: "a", value: "trigger" },
      { key: "b", value: "trigger" },
    ],
  });
  await put("rules/on", { trigger: "/_/fired", action: "/_/heard" });
  await put("rules/gone", { trigger: "/_/fired", action: "/_/heard" });
  await put("rules/off", { trigger: "/_/fired", action: "/_/heard" });
  await setStatus("off", "inactive");
  await put("actions/lost", { exec: { kind: "nodejs:default", code: "const main = (p) => p" } });
  await put("rules/gone", { action: "/_/lost" });
  await server.request("actions/lost", { method: "DELETE" });

  const fired = await fire("fired", { b: "payload" });
  assert.equal(fired.status, 202);
  assert.equal(fired.headers.get("x-openwhisk-activation-id"), fired.body.activationId);
  const trigger = await record(fired.body.activationId);
  assert.deepEqual(["end" in trigger, "duration" in trigger], [false, false], "a trigger's activation has no end");
  assert.deepEqual(trigger.response, { result: { b: "payload" }, status: "success", success: true });
  const lines = Object.fromEntries(trigger.logs.map((l: string) => [JSON.parse(l).rule, JSON.parse(l)]));
  assert.deepEqual(lines["guest/off"], {
    rule: "guest/off",
    action: "guest/heard",
    statusCode: 1,
    success: false,
    error: "Rule 'guest/off' is inactive, action 'guest/heard' was not activated.",
  });
  assert.deepEqual(lines["guest/gone"].error, "The requested resource does not exist.");
  assert.deepEqual([lines["guest/on"].statusCode, lines["guest/on"].success], [0, true]);
  const { response } = await record(lines["guest/on"].activationId);
  const { __ow_headers, ...heard } = response.result;
  assert.deepEqual(heard, { a: "trigger", b: "payload" });
  assert.equal(__ow_headers["content-type"], "application/json");
  assert.equal("authorization" in __ow_headers, false, "an action may be another user's");
  const [row] = (await server.request("activations?name=fired")).body;
  assert.deepEqual([row.activationId, "statusCode" in row, "end" in row], [fired.body.activationId, false, false]);
});

test("without an active rule a firing is 204 and leaves no record", async () => {
  await put("triggers/silent");
  const answer = await fire("silent");
  assert.deepEqual([answer.status, answer.body], [204, ""]);
  assert.equal((await fire("nowhere")).status, 404);
  assert.equal((await server.request("triggers/silent", { method: "POST", body: [1] })).status, 400);
  assert.deepEqual((await server.request("activations?name=silent&count=true")).body, { activations: 0 });
});

test("the npm client: every operation of triggers and rules", async () => {
  const { ow } = server;
  await ow.triggers.create({ name: "npm" });
  await ow.triggers.update({ name: "npm", trigger: { annotations: [] } } as never);
  await ow.rules.create({ name: "npm-rule", action: "heard", trigger: "npm" });
  await ow.rules.disable({ name: "npm-rule" });
  assert.equal(((await ow.rules.get({ name: "npm-rule" })) as unknown as Body)["status"], "inactive");
  await ow.rules.enable({ name: "npm-rule" });
  await ow.rules.update({ name: "npm-rule", action: "heard", trigger: "npm" });
  assert.ok((await ow.rules.list()).some((r) => r.name === "npm-rule"));
  const { activationId } = (await ow.triggers.invoke({ name: "npm", params: { x: 1 } })) as unknown as { activationId: string };
  assert.equal((await record(activationId)).name, "npm");
  assert.ok((await ow.triggers.list()).some((t) => t.name === "npm"));
  await ow.rules.delete({ name: "npm-rule" });
  await ow.triggers.delete({ name: "npm" });
  await assert.rejects(ow.triggers.get({ name: "npm" }), { statusCode: 404 });
});
