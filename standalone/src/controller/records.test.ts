/** Records of sequences and compositions: openwhisk-protocol, 3.3 and 3.4. */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { annotationOf } from "@openwhisk-harvest/core";
import type { ActivationRecord } from "../messages.js";
import { conductor, type TestAction, testController } from "./controller.kit.js";

const open: ReturnType<typeof testController>[] = [];
function controllerOf(actions: Record<string, TestAction>, options: { sequenceMaxLength?: number } = {}) {
  const controller = testController(actions, options);
  open.push(controller);
  return controller;
}
afterEach(async () => {
  for (const controller of open.splice(0)) await controller.close();
});

const annotations = (record: ActivationRecord | undefined) => Object.fromEntries((record?.annotations ?? []).map((a) => [a.key, a.value]));
const steps = (...names: string[]) =>
  conductor((p) => {
    const i = Number(p["i"] ?? 0);
    return i < names.length ? { action: names[i], state: { i: i + 1 } } : { params: { done: true } };
  });

test("a composition's record: logs name the steps in order, duration is their sum, memory the largest", async () => {
  const c = controllerOf({ c: steps("a", "b"), a: { run: () => ({}), memory: 128 }, b: { run: () => ({}), memory: 512 } });
  const record = await c.record("c");
  assert.deepEqual(
    record.logs,
    c.messages.map((m) => m.activationId),
  );
  assert.deepEqual([record.name, record.namespace, record.version, record.subject], ["c", "guest", "0.0.1", "guest"]);
  assert.equal(record.duration, 50);
  assert.equal(record.end - record.start, 50);
  assert.equal("cause" in record, false);
  assert.deepEqual(annotations(record), {
    topmost: true,
    path: "guest/c",
    kind: "sequence",
    conductor: true,
    waitTime: 0,
    limits: { concurrency: 1, logs: 10, memory: 512, timeout: 60_000 },
  });
  assert.deepEqual(await c.activations.get("guest", record.activationId), record, "stored, and readable at once");
});

test("conductor steps and components are caused by the session, and the steps are no compositions of their own", async () => {
  const c = controllerOf({ c: steps("a"), a: { run: () => ({}) } });
  const record = await c.record("c");
  for (const id of record.logs) {
    const step = await c.activations.get("guest", id);
    assert.equal(step?.cause, record.activationId);
    assert.equal(annotations(step)["causedBy"], "sequence");
    assert.equal(annotations(step)["kind"], "nodejs:20");
    assert.equal("conductor" in annotations(step), false);
  }
});

test("nested: the outer logs hold the inner session's id, not its steps", async () => {
  const c = controllerOf({ outer: steps("inner"), inner: steps("a"), a: { run: () => ({}) } });
  const outer = await c.record("outer");
  assert.equal(outer.logs.length, 3);
  const inner = await c.activations.get("guest", String(outer.logs[1]));
  assert.equal(inner?.cause, outer.activationId);
  assert.deepEqual(
    [annotations(inner)["topmost"], annotations(inner)["causedBy"], annotations(inner)["conductor"]],
    [false, "sequence", true],
  );
  assert.equal(inner?.logs.length, 3);
  assert.equal(outer.duration, 20 + (inner?.duration ?? 0));
});

test("a sequence: each result is the next input, the record has no conductor annotation", async () => {
  const add = (n: number): TestAction => ({ run: (p) => ({ x: Number(p["x"]) + n }), memory: 128 * n });
  const c = controllerOf({ s: { sequence: ["/guest/a", "/guest/b"] }, a: add(1), b: add(2) });
  const record = await c.record("s", { x: 1 });
  assert.deepEqual(record.response, { statusCode: 0, result: { x: 4 } });
  assert.deepEqual(
    record.logs,
    c.messages.map((m) => m.activationId),
  );
  assert.deepEqual(new Set(c.messages.map((m) => m.cause)), new Set([record.activationId]));
  assert.deepEqual(annotations(record), {
    topmost: true,
    path: "guest/s",
    kind: "sequence",
    waitTime: 0,
    limits: { concurrency: 1, logs: 10, memory: 256, timeout: 60_000 },
  });
  assert.equal(record.duration, 20);
});

test("a sequence stops at the first result with an error, and answers with that component's response", async () => {
  const c = controllerOf({
    s: { sequence: ["/guest/a", "/guest/b"] },
    a: { run: () => ({ error: "no" }) },
    b: { run: () => ({}) },
    t: { sequence: ["/guest/d", "/guest/b"] },
    d: { run: () => Promise.reject("broken") },
  });
  assert.deepEqual((await c.record("s")).response, { statusCode: 1, result: { error: "no" } });
  assert.deepEqual((await c.record("t")).response, { statusCode: 2, result: { error: "broken" } });
  assert.equal(c.messages.length, 2);
});

test("arrays pass from component to component", async () => {
  const c = controllerOf({
    s: { sequence: ["/guest/a", "/guest/b"] },
    a: { run: () => [1, 2] },
    b: { run: (p) => ({ got: p }), parameters: [{ key: "own", value: 1 }] },
  });
  assert.deepEqual((await c.record("s")).response.result, { got: [1, 2] });
});

test("a component that is gone, a sequence that is too long, and one for which there is no invoker", async () => {
  const actions = {
    gone: { sequence: ["/guest/a", "/guest/nowhere"] },
    long: { sequence: ["/guest/a", "/guest/two"] },
    two: { sequence: ["/guest/a", "/guest/a"] },
    stuck: { sequence: ["/guest/refused"] },
    refused: {},
    a: { run: () => ({}) },
  };
  const c = controllerOf(actions, { sequenceMaxLength: 2 });
  assert.deepEqual((await c.record("gone")).response, { statusCode: 1, result: { error: "Sequence component does not exist." } });
  assert.deepEqual((await c.record("long")).response, { statusCode: 1, result: { error: "Too many actions in the sequence." } });
  assert.deepEqual((await c.record("stuck")).response, { statusCode: 3, result: { error: "Sequence failed." } });
});

test("sequences and compositions in one another keep their causes", async () => {
  const c = controllerOf({ c: steps("s"), s: { sequence: ["/guest/a", "/guest/d"] }, d: steps("a"), a: { run: () => ({}) } });
  const composition = await c.record("c");
  const sequence = await c.activations.get("guest", String(composition.logs[1]));
  const inner = await c.activations.get("guest", String(sequence?.logs[1]));
  assert.deepEqual([sequence?.cause, inner?.cause], [composition.activationId, sequence?.activationId]);
  assert.deepEqual(
    [sequence, inner].map((r) => annotationOf(r?.annotations, "topmost")),
    [false, false],
  );
  assert.equal(composition.duration, 20 + (sequence?.duration ?? 0));
  assert.equal(sequence?.duration, 10 + (inner?.duration ?? 0));
});
