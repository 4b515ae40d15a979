/**
 * Activations as OpenWhisk keeps them in its database `activations`, and the views that its tools query
 * (openwhisk-protocol, 7).
 */
import { linesOfPiece } from "../../container/log-text.js";
import { formatEntityName } from "../../entity-name.js";
import type { ActivationRecord } from "../../messages.js";
import type { CouchDocument } from "./couch-database.js";

export function activationToCouch(record: ActivationRecord, updated: number): CouchDocument {
  const { end, duration, ...rest } = record;
  const ended = end === 0 ? { end } : { end, duration }; // a trigger's has no duration
  return { ...rest, ...ended, _id: activationKey(record.namespace, record.activationId), entityType: "activation", updated };
}

/** CouchDB's documents have all of their logs in them. */
export function withLogsInside({ longLogs, ...record }: ActivationRecord): ActivationRecord {
  return longLogs ? { ...record, logs: [...[...longLogs.pieces()].flatMap(linesOfPiece), ...record.logs] } : record;
}

export function activationFromCouch({ _id, _rev, entityType: _, updated: __, ...fields }: CouchDocument): ActivationRecord {
  return { duration: 0, ...fields } as unknown as ActivationRecord;
}

export function activationKey(namespace: string, activationId: string): string {
  return formatEntityName({ namespace, name: activationId });
}

/** JavaScript of CouchDB's own, which is old. */
const SUMMARY = `function summaryOf(doc) {
  var end = doc.end !== 0 ? doc.end : undefined;
  return {
    namespace: doc.namespace, name: doc.name, version: doc.version, publish: doc.publish, annotations: doc.annotations,
    activationId: doc.activationId, start: doc.start, end: end, duration: end === undefined ? undefined : doc.duration, cause: doc.cause,
    statusCode: end === undefined || doc.response === undefined ? undefined : doc.response.statusCode
  };
}`;

const BY_NAMESPACE = `function (doc) {
  ${SUMMARY}
  if (doc.entityType === "activation" && doc.activationId !== undefined) emit([doc.namespace, doc.start], summaryOf(doc));
}`;

/** The annotation `path` is `namespace/[package/]name` of the action; the key has the namespace of its caller. */
const BY_NAME = `function (doc) {
  ${SUMMARY}
  if (doc.entityType !== "activation" || doc.activationId === undefined) return;
  var name = doc.name;
  for (var i = 0; i < doc.annotations.length; i++)
    if (doc.annotations[i].key === "path") name = String(doc.annotations[i].value).split("/").slice(1).join("/");
  emit([doc.namespace + "/" + name, doc.start], summaryOf(doc));
}`;

const designOf = (map: string) => ({ language: "javascript", views: { activations: { map, reduce: "_count" } } });

/** By OpenWhisk's names (ansible/files/*.json). */
export const ACTIVATION_DESIGNS = { "whisks.v2.1.0": designOf(BY_NAMESPACE), "whisks-filters.v2.1.1": designOf(BY_NAME) };
export const VIEW_BY_NAMESPACE = "_design/whisks.v2.1.0/_view/activations";
export const VIEW_BY_NAME = "_design/whisks-filters.v2.1.1/_view/activations";
