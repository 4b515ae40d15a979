/** The body of PUT /actions/{name}: what it may hold, and the document that comes of it (Actions.scala, WhiskAction.scala). */
import { type KeyValue, userAllocationOf } from "@openwhisk-harvest/core";
import { isObject, type JsonObject } from "../controller/json.js";
import type { EntityName } from "../entity-name.js";
import type { ActionDocument, ActionLimits, Parameter } from "../messages.js";
import { malformed, WhiskRejection } from "../whisk-rejection.js";
import { entityTooBig, TEXTS } from "../whisk-texts.js";
import { readExec } from "./exec.js";

/** limits.timeout in ms, the others in MB; memory up to the paper's encoding of 8 cores and 8 GB. */
const LIMITS: Record<keyof ActionLimits, { min: number; std: number; max: number; say: (value: number | string) => string }> = {
  timeout: { min: 100, std: 60_000, max: 300_000, say: (v) => `duration ${v} milliseconds` },
  memory: { min: 128, std: 256, max: 65_536, say: (v) => `memory ${v} MB` },
  logs: { min: 0, std: 10, max: 10, say: (v) => `log ${v} MB` },
  concurrency: { min: 1, std: 1, max: 1, say: (v) => `concurrency ${v}` },
};
export const ACTION_LIMITS: Readonly<Record<keyof ActionLimits, { readonly min: number; readonly std: number; readonly max: number }>> =
  LIMITS;

export const STANDARD_LIMITS: ActionLimits = {
  timeout: LIMITS.timeout.std,
  memory: LIMITS.memory.std,
  logs: LIMITS.logs.std,
  concurrency: LIMITS.concurrency.std,
};

export interface PutOptions {
  readonly entity: EntityName;
  readonly body: unknown;
  /** The action that is updated. */
  readonly previous?: ActionDocument;
  readonly nowMs: number;
  readonly maxParametersBytes: number;
}

/** The new document. 400 or 413 with OpenWhisk's text when the body is wrong. */
export function documentOfPut({ entity, body, previous, nowMs, maxParametersBytes }: PutOptions): ActionDocument {
  const content = body ?? {};
  if (!isObject(content)) throw malformed("Object expected");
  const exec = content["exec"] === undefined ? previous?.exec : readExec(content["exec"]);
  if (!exec) throw new WhiskRejection(400, TEXTS.execUndefined);
  const parameters = readKeyValues(content, "parameters") ?? previous?.parameters ?? [];
  checkSize("Parameters", parameters, maxParametersBytes);
  const document: ActionDocument = {
    ...entity,
    version: readVersion(content["version"]) ?? nextVersion(previous?.version),
    publish: typeof content["publish"] === "boolean" ? content["publish"] : (previous?.publish ?? false),
    annotations: annotationsOf(content, previous, exec.kind, maxParametersBytes),
    parameters: exec.kind === "sequence" ? [] : parameters,
    limits: readLimits(content["limits"], previous?.limits ?? STANDARD_LIMITS),
    exec,
    updated: nowMs,
  };
  // Throws OWH_BAD_ALLOCATION, so that no action is stored whose user allocation nobody can read.
  userAllocationOf({ memoryLimitMb: document.limits.memory, annotations: document.annotations });
  return document;
}

/** New ones replace old ones of the same key; `provide-api-key: false` when the action is made, unless it says otherwise. */
function annotationsOf(content: JsonObject, previous: ActionDocument | undefined, kind: string, maxBytes: number): KeyValue[] {
  const deleted = Array.isArray(content["delAnnotations"]) ? content["delAnnotations"] : [];
  const before = previous ? previous.annotations.filter((a) => !deleted.includes(a.key)) : [{ key: "provide-api-key", value: false }];
  const given = readKeyValues(content, "annotations") ?? [];
  checkSize("Annotations", given, maxBytes);
  const merged = new Map([...before, ...given, { key: "exec", value: kind }].map((a) => [a.key, a.value]));
  return [...merged].map(([key, value]) => ({ key, value }));
}

function readKeyValues(content: JsonObject, field: string): Parameter[] | undefined {
  const value = content[field];
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) throw malformed(`${field} malformed!`);
  return value.map((entry: unknown) => {
    if (!isObject(entry) || typeof entry["key"] !== "string" || entry["key"] === "") throw malformed(`${field} malformed!`);
    return { key: entry["key"], value: entry["value"] ?? null, ...(entry["init"] === true && { init: true }) };
  });
}

function checkSize(field: string, value: unknown, allowedBytes: number): void {
  const isBytes = Buffer.byteLength(JSON.stringify(value));
  if (isBytes > allowedBytes) throw new WhiskRejection(413, entityTooBig(field, isBytes, allowedBytes));
}

function readLimits(value: unknown, previous: ActionLimits): ActionLimits {
  if (value === undefined) return previous;
  if (!isObject(value)) throw malformed("limits malformed");
  const limits: { -readonly [K in keyof ActionLimits]: number } = { ...previous };
  for (const name of Object.keys(LIMITS) as (keyof ActionLimits)[]) {
    const given = value[name];
    if (given === undefined || given === null) continue;
    const { min, max, say } = LIMITS[name];
    if (typeof given !== "number" || !Number.isInteger(given)) throw malformed(`${name} limit must be whole number`);
    if (given < min) throw malformed(`requirement failed: ${say(given)} below allowed threshold of ${say(min).replace(/^\w+ /, "")}`);
    if (given > max) throw malformed(`requirement failed: ${say(given)} exceeds allowed threshold of ${say(max).replace(/^\w+ /, "")}`);
    limits[name] = given;
  }
  return limits;
}

function readVersion(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "string" || !/^\d+\.\d+\.\d+$/.test(value)) throw malformed("version malformed");
  return value;
}

/** 0.0.1, then one patch up with every update. */
function nextVersion(previous: string | undefined): string {
  const [major = 0, minor = 0, patch = 0] = (previous ?? "0.0.0").split(".").map(Number);
  return `${major}.${minor}.${patch + 1}`;
}
