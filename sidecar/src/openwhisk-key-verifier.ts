/**
 * Asks OpenWhisk itself: `GET /api/v1/namespaces` answers the namespaces of the key, or 401 (openwhisk, Namespaces.scala).
 * Answers are remembered under a digest of the key: for a minute when it is known, so that a revoked key stops working
 * soon; for seconds when it is not, so that guessing cannot flood the controller and a new key works soon.
 */
import { createHash } from "node:crypto";
import { type Clock, HarvestError, messageOf, systemClock } from "@openwhisk-harvest/core";
import { z } from "zod";
import type { KeyVerifier } from "./key-verifier.js";

const KNOWN_MS = 60_000;
const UNKNOWN_MS = 5_000;
const KEYS_REMEMBERED = 10_000;
const TIMEOUT_MS = 2_000;

const namespacesSchema = z.array(z.string().min(1)).max(1_000);

export interface OpenWhiskKeyVerifierOptions {
  /** `https://host[:port]`; without a scheme, https. */
  readonly apihost: string;
  readonly clock?: Clock;
}

interface Remembered {
  readonly namespaces: Promise<readonly string[]>;
  untilMs: number;
}

export function openWhiskKeyVerifier({ apihost, clock = systemClock }: OpenWhiskKeyVerifierOptions): KeyVerifier {
  const url = new URL("/api/v1/namespaces", /^https?:\/\//.test(apihost) ? apihost : `https://${apihost}`);
  const remembered = new Map<string, Remembered>();

  const askOnce = (digest: string, basic: string): Remembered => {
    const answer: Remembered = { namespaces: askNamespaces(url, basic), untilMs: Number.POSITIVE_INFINITY };
    remembered.set(digest, answer);
    const [oldest] = remembered.keys();
    if (remembered.size > KEYS_REMEMBERED && oldest !== undefined) remembered.delete(oldest);
    answer.namespaces.then(
      (namespaces) => {
        answer.untilMs = clock.monotonicMs() + (namespaces.length > 0 ? KNOWN_MS : UNKNOWN_MS);
      },
      () => remembered.delete(digest), // the caller gets the error
    );
    return answer;
  };

  return {
    async verify(basic) {
      const digest = createHash("sha256").update(basic).digest("base64");
      const known = remembered.get(digest);
      if (known && clock.monotonicMs() <= known.untilMs) return known.namespaces;
      remembered.delete(digest);
      return askOnce(digest, basic).namespaces;
    },
  };
}

async function askNamespaces(url: URL, basic: string): Promise<readonly string[]> {
  const unavailable = (why: string) => new HarvestError("OWH_STORE_UNAVAILABLE", `OpenWhisk cannot say whose key this is: ${why}.`);
  let response: Response;
  let body: unknown;
  try {
    response = await fetch(url, {
      headers: { authorization: `Basic ${basic}` },
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    body = response.ok ? await response.json() : await response.body?.cancel();
  } catch (error) {
    throw unavailable(messageOf(error));
  }
  if (response.status === 401 || response.status === 403) return [];
  const namespaces = namespacesSchema.safeParse(body);
  if (!response.ok || !namespaces.success) throw unavailable(`it answered ${response.status}, and not with namespaces`);
  return namespaces.data;
}
