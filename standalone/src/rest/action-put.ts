/**
 * The body of PUT /actions/{name}: what it may hold, and the document that comes of it (Actions.scala,
 * WhiskAction.scala).
 */
import { type KeyValue, userAllocationOf } from "@openwhisk-harvest/core";
import { isObject, type JsonObject } from "../controller/json.js";
import { type EntityLimits, standardLimits } from "../entity-limits.js";
import type { EntityName } from "../entity-name.js";
import type { ActionDocument, ActionLimits, Parameter } from "../messages.js";
import type { Runtimes } from "../runtimes.js";
import { malformed, WhiskRejection } from "../whisk-rejection.js";
import { TEXTS } from "../whisk-texts.js";
import { readExec } from "./exec.js";
import { annotationsByKey, readContent, readKeyValues, readVersionAndPublish } from "./put-fields.js";

/** How OpenWhisk speaks of a limit's value. */
const SAY: Record<keyof ActionLimits, (value: number) => string> = {
  timeout: (v) => `duration ${v} milliseconds`,
  memory: (v) => `memory ${v} MB`,
  logs: (v) => `log ${v} MB`,
  concurrency: (v) => `concurrency ${v}`,
};

export interface PutOptions {
  readonly entity: EntityName;
  readonly body: unknown;
  /** The action that is updated. */
  readonly previous?: ActionDocument;
  readonly nowMs: number;
  readonly limits: EntityLimits;
  readonly runtimes: Runtimes;
}

/** The new document. 400 or 413 with OpenWhisk's text when the body is wrong. */
export function documentOfPut({ entity, body, previous, nowMs, limits, runtimes }: PutOptions): ActionDocument {
  const content = readContent(body);
  const exec = content["exec"] === undefined ? previous?.exec : readExec(content["exec"], { runtimes, ...limits });
  if (!exec) throw new WhiskRejection(400, TEXTS.execUndefined);
  const document: ActionDocument = {
    ...entity,
    ...readVersionAndPublish(content, previous),
    annotations: annotationsOf(content, previous, exec.kind, limits.parametersMaxBytes),
    parameters: parametersOf(content, previous, limits.parametersMaxBytes),
    limits: readLimits(content["limits"], previous?.limits ?? standardLimits(limits), limits),
    exec,
    updated: nowMs,
  };
  // Throws OWH_BAD_ALLOCATION, so that no action is stored whose user allocation cannot be read.
  userAllocationOf({ memoryLimitMb: document.limits.memory, annotations: document.annotations });
  return document;
}

/** Those of a sequence say its components, and mean nothing for what it is turned into. */
function parametersOf(content: JsonObject, previous: ActionDocument | undefined, maxBytes: number): readonly Parameter[] {
  const before = previous && previous.exec.kind !== "sequence" ? previous.parameters : [];
  return readKeyValues(content, "parameters", maxBytes) ?? before;
}

/**
 * New ones replace old ones of the same key; `provide-api-key: false` when the action is made, unless it says
 * otherwise.
 */
function annotationsOf(content: JsonObject, previous: ActionDocument | undefined, kind: string, maxBytes: number): KeyValue[] {
  const deleted = Array.isArray(content["delAnnotations"]) ? content["delAnnotations"] : [];
  const before = previous ? previous.annotations.filter((a) => !deleted.includes(a.key)) : [{ key: "provide-api-key", value: false }];
  const given = readKeyValues(content, "annotations", maxBytes) ?? [];
  return annotationsByKey(before, given, [{ key: "exec", value: kind }]);
}

function readLimits(value: unknown, previous: ActionLimits, { action }: EntityLimits): ActionLimits {
  if (value === undefined || value === null) return previous;
  if (!isObject(value)) throw malformed("limits malformed");
  const limits: { -readonly [K in keyof ActionLimits]: number } = { ...previous };
  for (const name of Object.keys(SAY) as (keyof ActionLimits)[]) {
    const given = value[name];
    if (given === undefined || given === null) continue;
    const { min, max } = action[name];
    const say = SAY[name];
    const sayThreshold = (v: number) => say(v).replace(/^\w+ /, "");
    if (typeof given !== "number" || !Number.isInteger(given)) throw malformed(`${name} limit must be whole number`);
    if (given < min) throw malformed(`requirement failed: ${say(given)} below allowed threshold of ${sayThreshold(min)}`);
    if (given > max) throw malformed(`requirement failed: ${say(given)} exceeds allowed threshold of ${sayThreshold(max)}`);
    limits[name] = given;
  }
  return limits;
}
