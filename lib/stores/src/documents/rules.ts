/** What every document store refuses alike, so that nothing works embedded and fails on CouchDB. */
import { HarvestError } from "@openwhisk-harvest/core";

/** lmdb's keys end at 1,978 bytes; CouchDB has no limit of its own. */
const MAX_ID_BYTES = 1_900;

/** What keeps an id from naming a document: CouchDB keeps ids with a leading `_` for itself (`_design/...`). */
function flawOf(id: string): string | undefined {
  if (id === "") return "is empty";
  if (id.startsWith("_")) return "starts with _";
  return Buffer.byteLength(id) > MAX_ID_BYTES ? "is too long" : undefined;
}

/** Whether a document of that id can exist at all. */
export function isStorableId(id: string): boolean {
  return flawOf(id) === undefined;
}

/** OWH_BAD_REQUEST for an id that can name no document. */
export function requireId(id: string): void {
  const reason = flawOf(id);
  if (reason) throw new HarvestError("OWH_BAD_REQUEST", `The document id ${JSON.stringify(id.slice(0, 80))} ${reason}.`);
}

/** OWH_BAD_REQUEST for bodies with fields that CouchDB keeps for itself (`_id`, `_rev`, ...). */
export function requireBody(id: string, body: object): void {
  const reserved = Object.keys(body).find((field) => field.startsWith("_"));
  if (reserved || Array.isArray(body))
    throw new HarvestError("OWH_BAD_REQUEST", `The document ${id} ${reserved ? `has the reserved field ${reserved}` : "is a list"}.`);
}

export function conflictOn(id: string): HarvestError {
  return new HarvestError("OWH_CONFLICT", `The document ${id} was changed by another writer in the meantime.`);
}

/**
 * How many documents a range reads at once: a consumer that waits in between holds no read transaction and no
 * connection.
 */
export const RANGE_PAGE = 256;
