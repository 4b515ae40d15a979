/** The bodies of /init and /run, and the record of an activation. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ActivationMessage } from "../messages.js";
import { activationRecord } from "./activation-record.js";
import { messageOf } from "./messages.kit.js";
import { initPayload, runPayload } from "./payloads.js";

const NOW_MS = 1_785_950_000_123;
const named = (message: ActivationMessage): ActivationMessage => ({ ...message, activationId: "ab".repeat(16) });

test("/init has code, entry point, and the environment with the init parameters", () => {
  const message = named(
    messageOf({
      name: "pkg/hello",
      code: "code",
      main: "run",
      content: { token: "secret", a: 1 },
      parameters: [
        { key: "token", value: "old", init: true },
        { key: "a", value: 0 },
      ],
    }),
  );
  assert.deepEqual(initPayload(message, NOW_MS), {
    value: {
      name: "hello",
      main: "run",
      code: "code",
      binary: false,
      env: {
        token: "secret",
        __OW_NAMESPACE: "guest",
        __OW_ACTION_NAME: "/guest/pkg/hello",
        __OW_ACTION_VERSION: "0.0.3",
        __OW_ACTIVATION_ID: "ab".repeat(16),
        __OW_TRANSACTION_ID: "tid",
        __OW_DEADLINE: String(NOW_MS + 20_000),
      },
    },
  });
  assert.deepEqual((runPayload(message, NOW_MS) as { value: unknown }).value, { a: 1 });
});

test("/run has the parameters and a deadline that is a text", () => {
  assert.deepEqual(runPayload(named(messageOf({ content: { a: 1 } })), NOW_MS), {
    value: { a: 1 },
    namespace: "guest",
    action_name: "/guest/hello",
    action_version: "0.0.3",
    activation_id: "ab".repeat(16),
    transaction_id: "tid",
    deadline: "1785950020123",
  });
  assert.deepEqual((runPayload(messageOf({ content: [1] }), 0) as { value: unknown }).value, [1]);
  assert.deepEqual((runPayload(messageOf({ content: undefined }), 0) as { value: unknown }).value, {});
});

test("the key goes to the action when its annotation says so, or is absent", () => {
  const keyOf = (value?: unknown) => {
    const annotations = value === undefined ? [] : [{ key: "provide-api-key", value }];
    return "api_key" in runPayload(messageOf({ annotations }), 0);
  };
  assert.deepEqual([keyOf(), keyOf(true), keyOf(1), keyOf("x"), keyOf({})], [true, true, true, true, true]);
  assert.deepEqual([keyOf(false), keyOf(0), keyOf(""), keyOf(null)], [false, false, false, false]);
});

const annotation = (key: string, record: { annotations: readonly { key: string; value: unknown }[] }) =>
  record.annotations.find((a) => a.key === key)?.value;

test("a cold activation starts before its run by the time of its initialization, and waited until that began", () => {
  const message = { ...messageOf({ name: "pkg/hello", cause: "c".repeat(32) }), createdAtMs: 1_000 };
  const facts = {
    init: { startMs: 1_070, endMs: 1_100 },
    run: { startMs: 1_105, endMs: 1_205 },
    response: { statusCode: 0 as const },
    timedOut: false,
    logs: ["x"],
  };
  const record = activationRecord(message, facts, 9_999);
  assert.deepEqual([record.start, record.end, record.duration], [1_075, 1_205, 130]);
  assert.deepEqual([record.name, record.namespace, record.cause], ["hello", "guest", "c".repeat(32)]);
  assert.deepEqual(
    record.annotations.map((a) => a.key),
    ["limits", "path", "kind", "timeout", "causedBy", "initTime", "waitTime"],
  );
  assert.deepEqual(
    ["path", "kind", "causedBy", "initTime", "waitTime"].map((key) => annotation(key, record)),
    ["guest/pkg/hello", "nodejs:20", "sequence", 30, 70],
  );
});

test("a warm one has no initTime and, outside of sequences, no causedBy; without a container both ends are now", () => {
  const message = { ...messageOf(), createdAtMs: 1_000 };
  const facts = { response: { statusCode: 0 as const }, timedOut: false, logs: [] };
  const warm = activationRecord(message, { ...facts, run: { startMs: 1_003, endMs: 1_004 } }, 9_999);
  assert.deepEqual(
    warm.annotations.map((a) => a.key),
    ["limits", "path", "kind", "timeout", "waitTime"],
  );
  assert.deepEqual([annotation("waitTime", warm), "cause" in warm], [3, false]);
  const failedInit = activationRecord(message, { ...facts, init: { startMs: 1_010, endMs: 1_020 }, timedOut: true }, 9_999);
  assert.deepEqual(
    [failedInit.start, failedInit.end, annotation("waitTime", failedInit), annotation("timeout", failedInit)],
    [1_010, 1_020, 10, true],
  );
  const nowhere = activationRecord(message, facts, 9_999);
  assert.deepEqual([nowhere.start, nowhere.end, nowhere.duration, annotation("waitTime", nowhere)], [9_999, 9_999, 0, 8_999]);
});

test("/init of an action without code, a blackbox, has none", () => {
  const { value } = initPayload(messageOf({ kind: "blackbox", code: "" }), NOW_MS) as { value: object };
  assert.deepEqual(Object.keys(value).sort(), ["binary", "env", "main", "name"]);
});
