/** Fields that the bodies of all PUTs share, and how they are read (WhiskEntity.scala, Parameter.scala, SemVer.scala). */
import type { KeyValue } from "@openwhisk-harvest/core";
import { isObject, type JsonObject } from "../controller/json.js";
import type { EntityDocument } from "../entities.js";
import type { Parameter } from "../messages.js";
import { malformed, WhiskRejection } from "../whisk-rejection.js";
import { entityTooBig } from "../whisk-texts.js";

/** 400 for a body that is no object; none at all is the empty object. */
export function readContent(body: unknown): JsonObject {
  const content = body ?? {};
  if (!isObject(content)) throw malformed("Object expected");
  return content;
}

/** Undefined when the field is missing. 400 when it is no list of keys and values, 413 when it is larger than allowed. */
export function readKeyValues(content: JsonObject, field: "parameters" | "annotations", maxBytes: number): Parameter[] | undefined {
  const value = content[field];
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) throw malformed(`${field} malformed!`);
  const entries = value.map((entry: unknown) => {
    if (!isObject(entry) || typeof entry["key"] !== "string" || entry["key"] === "") throw malformed(`${field} malformed!`);
    return { key: entry["key"], value: entry["value"] ?? null, ...(entry["init"] === true && { init: true }) };
  });
  const isBytes = Buffer.byteLength(JSON.stringify(entries));
  if (isBytes > maxBytes) {
    const name = `${field[0]?.toUpperCase()}${field.slice(1)}`;
    throw new WhiskRejection(413, entityTooBig(name, isBytes, maxBytes));
  }
  return entries;
}

/** Version and publish of the new document: as given, or one patch up and as before. */
export function readVersionAndPublish(
  content: JsonObject,
  previous?: Pick<EntityDocument, "version" | "publish">,
): Pick<EntityDocument, "version" | "publish"> {
  const { publish = previous?.publish ?? false } = content;
  if (typeof publish !== "boolean") throw malformed("publish malformed");
  return { version: readVersion(content["version"]) ?? nextVersion(previous?.version), publish };
}

function readVersion(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "string" || !/^\d{1,9}\.\d{1,9}\.\d{1,9}$/.test(value)) throw malformed("version malformed");
  return value;
}

/** 0.0.1, then one patch up with every update. */
function nextVersion(previous: string | undefined): string {
  const [major = 0, minor = 0, patch = 0] = (previous ?? "0.0.0").split(".").map(Number);
  return `${major}.${minor}.${patch + 1}`;
}

/** Later ones replace earlier ones of the same key. */
export function annotationsByKey(...lists: readonly (readonly KeyValue[])[]): KeyValue[] {
  return [...new Map(lists.flat().map(({ key, value }) => [key, value]))].map(([key, value]) => ({ key, value }));
}
