/**
 * A digest over a model document, beside the digest over its trees: a flipped byte in a range, a count or a band is noticed, too,
 * and not only one that breaks the schema.
 */
import { createHash } from "node:crypto";
import { HarvestError } from "./errors.js";

/** The document with its `seal`: SHA-256 of its JSON, keys in order, without the seal itself. */
export function sealed<T extends object>(document: T): T & { readonly seal: string } {
  return { ...document, seal: sealOf(document) };
}

/** Throws OWH_BAD_MODEL when a sealed document is not what was sealed. A document without a seal is of an older writer, and passes. */
export function requireSeal(document: object): void {
  const { seal } = document as { readonly seal?: unknown };
  if (seal !== undefined && seal !== sealOf(document))
    throw new HarvestError("OWH_BAD_MODEL", "The model document does not match its digest: it was damaged or edited.");
}

/** Fields that a store adds to what it keeps (CouchDB's begin with `_`) are no part of it. */
function sealOf(document: object): string {
  const own = Object.entries(document).filter(([key]) => key !== "seal" && !key.startsWith("_"));
  return createHash("sha256")
    .update(JSON.stringify(inOrder(Object.fromEntries(own))))
    .digest("hex");
}

function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, inOrder(inner)]));
}
