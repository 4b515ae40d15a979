/**
 * Ids of documents, made of parts so that every question is a range of ids: `<part>/<part>/...`, each part percent-encoded, hence
 * free of `/`. Encoded parts are ASCII, so that every store orders them alike.
 */
import { HarvestError } from "@openwhisk-harvest/core";

function encodePart(part: string): string {
  try {
    return encodeURIComponent(part).replace(/^_/, "%5F"); // CouchDB keeps ids with a leading _ for itself
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    throw new HarvestError("OWH_BAD_REQUEST", "A name holds half a surrogate pair, which is no character.");
  }
}

export function idOf(...parts: readonly string[]): string {
  return parts.map(encodePart).join("/");
}

/** The range of all ids that begin with these parts and have more of them: `0` is the character after `/`. */
export function idsUnder(...parts: readonly string[]): { from: string; to: string } {
  const prefix = idOf(...parts);
  return { from: `${prefix}/`, to: `${prefix}0` };
}

/** The last part of an id. */
export function lastPart(id: string): string {
  return decodeURIComponent(id.slice(id.lastIndexOf("/") + 1));
}

/** A whole number whose text sorts as the number does. */
export function sortable(count: number, digits: number): string {
  return String(count).padStart(digits, "0");
}
