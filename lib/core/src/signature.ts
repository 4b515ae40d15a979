/**
 * Signatures on what stands in Redis (HMAC-SHA-256, one secret per deployment, known to the sidecar and to the
 * appliers).
 *
 * signature.T1  What is not signed with the deployment's secret is no allocation: a function that can write to Redis
 *     still cannot give itself anything.
 * signature.T2  A signature holds for one namespace, one root run and one field: what was given to one run cannot be
 *     shown for another, and no amount, no decision and no epoch can be changed under it.
 * signature.T3  Comparing takes the same time whatever differs, so that a signature cannot be found by trying.
 */
import { createHmac, createSecretKey, type KeyObject, randomBytes, timingSafeEqual } from "node:crypto";
import type { PublishedAllocation } from "./decision.js";
import { HarvestError } from "./errors.js";
import { allocationFields, type RunKey } from "./run-key.js";

/** The secret; an object of node:crypto shows itself neither in JSON nor in a log. */
export type SigningKey = KeyObject;

/** RFC 2104: a key as long as the hash, 32 bytes. As text: hexadecimal. */
const SECRET = /^[0-9a-f]{64,1024}$/i;

/** A fresh secret, as the text that signingKeyOf reads. */
export function newSigningSecret(): string {
  return randomBytes(32).toString("hex");
}

/** OWH_BAD_CONFIG, which does not repeat the text, unless it is at least 64 hexadecimal digits. */
export function signingKeyOf(text: string): SigningKey {
  const secret = text.trim();
  if (!SECRET.test(secret) || secret.length % 2 !== 0)
    throw new HarvestError("OWH_BAD_CONFIG", "The signing secret must be at least 32 bytes, written as hexadecimal digits.");
  return createSecretKey(Buffer.from(secret, "hex"));
}

/** What a signature covers. `field` is the field of `harvest:alloc:<R>` or, in a plan, whatever the plan is for. */
export interface AllocationClaim extends Omit<PublishedAllocation, "v" | "signature"> {
  readonly root: string;
  readonly field: string;
}

/** Raised when the claim's text changes, so that no old signature can fit a new claim. */
const CLAIM = "harvest-allocation-1";

/** 43 characters of base64url. */
export function signAllocation(key: SigningKey, claim: AllocationClaim): string {
  return createHmac("sha256", key).update(textOf(claim)).digest("base64url");
}

/** JSON of an array: no two claims have the same text, whatever characters their names hold. */
function textOf({ decision, namespace, root, field, cpuCores, memoryMb, workCoreMs, epoch }: AllocationClaim): string {
  return JSON.stringify([CLAIM, decision, namespace, root, field, cpuCores ?? null, memoryMb ?? null, workCoreMs ?? null, epoch]);
}

/** False for anything but the signature of this very claim (signature.T1, signature.T3). */
export function verifyAllocation(key: SigningKey, claim: AllocationClaim, signature: unknown): boolean {
  if (typeof signature !== "string") return false;
  const expected = Buffer.from(signAllocation(key, claim));
  const given = Buffer.from(signature);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** For the publisher: the fields of one run, each with its signature. */
export function signFields(
  key: SigningKey,
  root: string,
  fields: Readonly<Record<string, PublishedAllocation>>,
): Record<string, PublishedAllocation> {
  const signed = Object.entries(fields).map(([field, allocation]): [string, PublishedAllocation] => [
    field,
    { ...allocation, signature: signAllocation(key, { ...allocation, root, field }) },
  ]);
  return Object.fromEntries(signed);
}

/**
 * For appliers: whether an allocation was signed for this run, under one of the fields in which it may be found
 * (signature.T2).
 */
export function isSignedFor(key: SigningKey, run: Pick<RunKey, "root" | "trail" | "astPath">, allocation: PublishedAllocation): boolean {
  return allocationFields(run).some((field) => verifyAllocation(key, { ...allocation, root: run.root, field }, allocation.signature));
}
