/**
 * Actions that come with OpenWhisk. Composer's conductors invoke `/whisk.system/utils/echo` while they wait for their branches
 * (composer-and-runtimes, section 1.3). It only returns its parameters, so it runs in process and takes nobody's permits.
 */
import { SYSTEM_NAMESPACE } from "../auth.js";
import { type EntityName, formatEntityName } from "../entity-name.js";
import type { StoredAction } from "../entity-store.js";
import type { ActivationMessage, ActivationRecord } from "../messages.js";
import { isObject } from "./json.js";
import { type ActivationResponse, recordWithoutRun } from "./records.js";

const echo: StoredAction = {
  namespace: SYSTEM_NAMESPACE,
  name: "utils/echo",
  version: "0.0.1",
  publish: true,
  annotations: [
    { key: "description", value: "Returns its parameters" },
    { key: "provide-api-key", value: false },
    { key: "exec", value: "nodejs:20" },
  ],
  parameters: [],
  limits: { timeout: 60_000, memory: 256, logs: 10, concurrency: 1 },
  exec: { kind: "nodejs:20", code: "const main = (params) => params || {};", binary: false },
  updated: 0,
  rev: "1-00000000000000000000000000000000",
};

const BUILTINS = new Map([echo].map((action) => [formatEntityName(action), action]));

export function builtinAction(name: EntityName): StoredAction | undefined {
  return BUILTINS.get(formatEntityName(name));
}

/** The record of running a built-in; undefined when the action is none. */
export function runBuiltin(message: ActivationMessage, nowMs: number): ActivationRecord | undefined {
  if (!builtinAction(message.action)) return undefined;
  const result = message.content ?? {};
  const failed = isObject(result) && Object.hasOwn(result, "error");
  const size = Buffer.byteLength(JSON.stringify(result));
  const response = failed ? { statusCode: 1, result: { error: result["error"] }, size } : { statusCode: 0, result, size };
  return recordWithoutRun(message, response as ActivationResponse, nowMs);
}
