/**
 * Actions that come with OpenWhisk: the package `/whisk.system/utils` of openwhisk-catalog (packages/utils). Composer's
 * conductors invoke its `echo` while they wait for their branches (composer-and-runtimes, 1.3). They are a line each
 * and trusted, so they run in process and take no permits.
 */
import type { PackageDocument, Stored, StoredAction } from "../entities.js";
import { type EntityName, formatEntityName } from "../entity-name.js";
import type { ActivationMessage, ActivationRecord } from "../messages.js";
import { SYSTEM_ACTIONS, type SystemAction } from "./builtin-utils.js";
import { isObject } from "./json.js";
import { type ActivationResponse, recordWithoutRun } from "./records.js";

/** The namespace of what comes with OpenWhisk; any caller may read and invoke it. */
export const SYSTEM_NAMESPACE = "whisk.system";

const NEVER_CHANGED = { version: "0.0.1", publish: true, updated: 0, rev: "1-00000000000000000000000000000000" } as const;

const UTILS: Stored<PackageDocument> = {
  ...NEVER_CHANGED,
  namespace: SYSTEM_NAMESPACE,
  name: "utils",
  annotations: [{ key: "description", value: "Building blocks that format and assemble data" }],
  parameters: [],
};

function storedAction(action: SystemAction): StoredAction {
  return {
    ...NEVER_CHANGED,
    namespace: SYSTEM_NAMESPACE,
    name: `utils/${action.name}`,
    annotations: [
      { key: "description", value: action.description },
      { key: "provide-api-key", value: false },
      { key: "exec", value: "nodejs:20" },
    ],
    parameters: [],
    limits: { timeout: 60_000, memory: 256, logs: 10, concurrency: 1 },
    exec: { kind: "nodejs:20", code: `const main = ${action.run.toString()};`, binary: false },
  };
}

const ACTIONS = new Map(SYSTEM_ACTIONS.map((action) => [`${SYSTEM_NAMESPACE}/utils/${action.name}`, action]));
const STORED = new Map(SYSTEM_ACTIONS.map((action) => [`${SYSTEM_NAMESPACE}/utils/${action.name}`, storedAction(action)]));

export const BUILTIN_PACKAGES: readonly Stored<PackageDocument>[] = [UTILS];
export const BUILTIN_ACTIONS: readonly StoredAction[] = [...STORED.values()];

export function builtinAction(name: EntityName): StoredAction | undefined {
  return STORED.get(formatEntityName(name));
}

export function builtinPackage(name: EntityName): Stored<PackageDocument> | undefined {
  return BUILTIN_PACKAGES.find((p) => p.namespace === name.namespace && p.name === name.name);
}

/** The record of running a built-in; undefined when the action is none. */
export function runBuiltin(message: ActivationMessage, nowMs: number): ActivationRecord | undefined {
  const action = ACTIONS.get(formatEntityName(message.action));
  return action && recordWithoutRun(message, responseOf(action, message, nowMs), nowMs);
}

/** As a nodejs container would answer (openwhisk-protocol, 4.2). */
function responseOf(action: SystemAction, { content, user }: ActivationMessage, nowMs: number): ActivationResponse {
  try {
    const result = action.run(Array.isArray(content) && action.name !== "echo" ? {} : (content ?? {}), {
      namespace: user.namespace,
      nowMs,
    });
    const size = Buffer.byteLength(JSON.stringify(result));
    if (isObject(result) && Object.hasOwn(result, "error")) return { statusCode: 1, result: { error: result["error"] }, size };
    return { statusCode: 0, result, size };
  } catch (error) {
    const result = { error: `An error has occurred: ${error}` };
    return { statusCode: 2, result, size: Buffer.byteLength(JSON.stringify(result)) };
  }
}
