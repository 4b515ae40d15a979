/** The rules of openwhisk-protocol, 3.2, by their numbers. */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { conductor, type TestAction, testController } from "./controller.kit.js";

type Params = Record<string, unknown>;
const open: ReturnType<typeof testController>[] = [];
function controllerOf(actions: Record<string, TestAction>, options: { sequenceMaxLength?: number } = {}) {
  const controller = testController(actions, options);
  open.push(controller);
  return controller;
}
afterEach(async () => {
  for (const controller of open.splice(0)) await controller.close();
});

const namesOf = (c: ReturnType<typeof testController>) => c.messages.map((m) => m.action.name);
/** A conductor that makes one step with the answer given, then ends with what it got. */
const oneStep = (answer: (params: Params) => unknown) =>
  conductor((p) => (p["$done"] ? { params: { got: Object.fromEntries(Object.entries(p).filter(([k]) => k !== "$done")) } } : answer(p)));
const call = (action: unknown, params?: unknown) => ({ action, params, state: { $done: true } });

test("at most n components, then the conductor hears of it; at most 2n + 1 conductor runs, then it is over (openwhisk-protocol, 3.2.1)", async () => {
  const n = 3;
  const c = controllerOf({ loop: conductor(() => ({ action: "a" })), a: { run: () => ({ ok: 1 }) } }, { sequenceMaxLength: n });
  const record = await c.record("loop");
  assert.deepEqual(record.response, { statusCode: 1, result: { error: "Too many actions in the composition." } });
  assert.equal(namesOf(c).filter((name) => name === "a").length, n);
  assert.equal(namesOf(c).filter((name) => name === "loop").length, 2 * n + 1);
  assert.deepEqual(c.messages[2 * n + 1]?.content, { error: "Too many actions in the composition." });
});

test("exactly n components are allowed (openwhisk-protocol, 3.2.1)", async () => {
  const counting = conductor((p) =>
    Number(p["i"] ?? 0) < 3 ? { action: "a", state: { i: Number(p["i"] ?? 0) + 1 } } : { params: { i: p["i"] } },
  );
  const c = controllerOf({ counting, a: { run: () => ({}) } }, { sequenceMaxLength: 3 });
  assert.deepEqual((await c.record("counting")).response, { statusCode: 0, result: { i: 3 } });
});

test("a sequence counts as one, a nested composition by its own steps alone, and both share the counters (openwhisk-protocol, 3.2.1)", async () => {
  const twice = (name: string) =>
    conductor((p) => (Number(p["i"] ?? 0) < 2 ? { action: name, state: { i: Number(p["i"] ?? 0) + 1 } } : { params: p }));
  const actions = {
    sequences: twice("s"),
    s: { sequence: ["/guest/a", "/guest/a", "/guest/a"] },
    outer: twice("inner"),
    inner: twice("a"),
    a: { run: () => ({}) },
  };
  const enough = controllerOf(actions, { sequenceMaxLength: 4 });
  assert.equal((await enough.record("sequences")).response.statusCode, 0);
  assert.equal((await enough.record("outer")).response.statusCode, 0, "four components of two nested runs");
  const tooFew = controllerOf(actions, { sequenceMaxLength: 3 });
  await tooFew.record("outer");
  assert.equal(namesOf(tooFew).filter((name) => name === "a").length, 3, "the fourth is one too many for both together");
});

test("the state overlays the previous result, and the action's own parameters lie below both (openwhisk-protocol, 3.2.2)", async () => {
  const c = controllerOf({
    c: conductor((p) => (p["again"] ? { params: p } : { action: "a", state: { again: true, x: "state" } }), {
      parameters: [
        { key: "own", value: 1 },
        { key: "y", value: "own" },
      ],
    }),
    a: { run: () => ({ x: "result", y: "result" }) },
  });
  assert.deepEqual((await c.record("c")).response.result, { own: 1, again: true, x: "state", y: "result" });
});

test("a payload that is no object leaves only the own parameters (openwhisk-protocol, 3.2.2)", async () => {
  const c = controllerOf({ c: conductor((p) => ({ params: p }), { parameters: [{ key: "own", value: 1 }] }) });
  assert.deepEqual((await c.record("c", undefined)).response.result, { own: 1 });
});

test("params and state that are no objects are boxed; a missing state is cleared (openwhisk-protocol, 3.2.3)", async () => {
  const c = controllerOf({
    c: conductor((p) => {
      if (p["state"] === 7) return { action: "a", params: [1, 2] };
      return p["value"] ? { params: "end" } : { action: "a", params: "text", state: 7 };
    }),
    a: { run: (p) => p },
  });
  assert.deepEqual((await c.record("c")).response.result, { value: "end" });
  assert.deepEqual(
    c.messages.map((m) => m.content),
    [{}, { value: "text" }, { value: "text", state: 7 }, { value: [1, 2] }, { value: [1, 2] }],
  );
});

test("without an action it ends, with params or else the whole result, and with the conductor's status (openwhisk-protocol, 3.2.4)", async () => {
  const ends: [unknown, object][] = [
    [
      { params: { x: 1 }, state: { y: 2 } },
      { statusCode: 0, result: { x: 1 } },
    ],
    [{ x: 1 }, { statusCode: 0, result: { x: 1 } }],
    [{ params: 5 }, { statusCode: 0, result: { value: 5 } }],
    [{ error: "no" }, { statusCode: 1, result: { error: "no" } }],
    [[1, 2], { statusCode: 0, result: [1, 2] }],
  ];
  for (const [answer, response] of ends)
    assert.deepEqual((await controllerOf({ c: conductor(() => answer) }).record("c")).response, response);
  const throwing = controllerOf({ c: conductor(() => assert.fail("broken")) });
  assert.equal((await throwing.record("c")).response.statusCode, 2, "a conductor that throws ends its composition as itself");
});

test("5: names of one and two segments belong to the user, names of three and with a leading slash are absolute", async () => {
  for (const [name, path] of [
    ["a", "a"],
    ["/_/a", "a"],
    ["/guest/a", "a"],
    ["p/b", "p/b"],
    ["/guest/p/b", "p/b"],
    ["guest/p/b", "p/b"],
    ["_/p/b", "p/b"],
  ]) {
    const c = controllerOf({ c: oneStep(() => call(name)), a: { run: () => ({}) }, "p/b": { run: () => ({}) } });
    await c.record("c");
    assert.deepEqual(namesOf(c), ["c", path, "c"], name);
  }
});

test("5, 6: what is no name, may not be used, or does not exist, the conductor hears, with its state", async () => {
  for (const [action, error] of [
    [17, "Failed to parse action name from json value 17 during composition."],
    ["a/b/c/d", 'Failed to parse action name from json value "a/b/c/d" during composition.'],
    ["/guest", 'Failed to parse action name from json value "/guest" during composition.'],
    [null, "Failed to parse action name from json value null during composition."],
    ["nowhere", "Failed to resolve action with name 'guest/nowhere' during composition."],
    ["/other/a", "Failed entitlement check for action with name 'other/a' during composition."],
  ]) {
    const c = controllerOf({ c: oneStep(() => call(action)) });
    assert.deepEqual((await c.record("c")).response.result, { got: { error } });
  }
});

test("7: the conductor goes on with a component's result, also with an error", async () => {
  for (const [run, got] of [
    [() => ({ x: 1 }), { x: 1 }],
    [() => ({ error: "no", x: 1 }), { error: "no" }],
    [() => Promise.reject("broken"), { error: "broken" }],
    [() => [1], { error: "Failed to resolve action with name 'guest/a' during composition." }],
  ] as const) {
    const c = controllerOf({ c: oneStep(() => call("a")), a: { run } });
    assert.deepEqual((await c.record("c")).response, { statusCode: 0, result: { got } });
  }
});

test("8: a step that does not end within its time limit and a minute ends the composition", async () => {
  const c = controllerOf({ c: oneStep(() => call("never")), never: { run: () => new Promise(() => undefined) } });
  const { record } = await c.invoke("c");
  while (c.messages.length < 2) await new Promise(setImmediate);
  await c.clock.advance(119_999);
  assert.equal(await Promise.race([record, "running"]), "running");
  await c.clock.advance(1);
  const { response, logs } = await record;
  const id = c.messages[1]?.activationId;
  assert.deepEqual(response, {
    statusCode: 3,
    result: { error: `Timeout reached when retrieving activation ${id} during composition.` },
  });
  assert.deepEqual(
    logs,
    c.messages.map((m) => m.activationId),
    "also the late one is in the logs",
  );
});

test("8: a step for which there is no invoker ends the composition", async () => {
  const c = controllerOf({ c: oneStep(() => call("refused")), refused: {} });
  assert.deepEqual((await c.record("c")).response, { statusCode: 3, result: { error: "Activation failure during composition." } });
});

test("the messages of a session carry its id as cause, and no two the same transaction", async () => {
  const c = controllerOf({ c: oneStep(() => call("a")), a: { run: () => ({}) } });
  const record = await c.record("c");
  assert.deepEqual(new Set(c.messages.map((m) => m.cause)), new Set([record.activationId]));
  assert.equal(new Set(c.messages.map((m) => m.transactionId)).size, 3);
});

test("composer's waiting conductors get their parameters back from /whisk.system/utils/echo", async () => {
  const c = controllerOf({ c: oneStep(() => call("/whisk.system/utils/echo", { x: 1 })) });
  const record = await c.record("c");
  assert.deepEqual(record.response.result, { got: { x: 1 } });
  assert.equal(record.logs.length, 3);
});

test("an annotation conductor that is false, 0 or empty makes no composition; composer's AST does", async () => {
  for (const [value, topmost] of [
    [false, undefined],
    [0, undefined],
    ["", undefined],
    [null, undefined],
    [true, true],
    [1, true],
    ["yes", true],
    [{ type: "action" }, true],
    [[], true],
  ] as const) {
    const c = controllerOf({ c: { run: () => ({ params: { x: 1 } }), annotations: [{ key: "conductor", value }] } });
    const { annotations } = await c.record("c");
    assert.equal(annotations.find((a) => a.key === "topmost")?.value, topmost, JSON.stringify(value));
  }
});
