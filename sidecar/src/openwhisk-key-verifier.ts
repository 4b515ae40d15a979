/**
 * Asks OpenWhisk itself: `GET /api/v1/namespaces` answers the namespaces of the key, or 401 (openwhisk, Namespaces.scala).
 * Answers are remembered under a digest of the key: for a minute when it is known, so that a revoked key stops working
 * soon; for seconds when it is not, so that a new key works soon.
 *
 * Wrong keys cost OpenWhisk a bounded number of questions in flight, and those whose keys are right nothing: keys that OpenWhisk knew
 * the last time are asked about, and remembered, apart from all others.
 */
import { createHash } from "node:crypto";
import { type Clock, HarvestError, messageOf, systemClock } from "@openwhisk-harvest/core";
import { BulkheadRejectedError, bulkhead } from "cockatiel";
import { z } from "zod";
import type { KeyVerifier } from "./key-verifier.js";

const KNOWN_MS = 60_000;
const UNKNOWN_MS = 5_000;
const KEYS_REMEMBERED = 10_000;
const TIMEOUT_MS = 2_000;

/** Questions in flight, of each of the two kinds of keys, and those that wait for their turn; the next one is refused. */
export const KNOWN_IN_FLIGHT = 32;
export const UNKNOWN_IN_FLIGHT = 8;
export const UNKNOWN_WAITING = 256;

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

/** Answers of one kind, and the questions that bring them. */
class Lane {
  readonly #answers = new Map<string, Remembered>();
  readonly #turns: ReturnType<typeof bulkhead>;

  constructor(inFlight: number, waiting: number) {
    this.#turns = bulkhead(inFlight, waiting);
  }

  find(digest: string): Remembered | undefined {
    return this.#answers.get(digest);
  }

  /** The answer is good until told otherwise; one that fails is forgotten, and the caller gets the error. */
  ask(digest: string, question: () => Promise<readonly string[]>): Remembered {
    const answer: Remembered = { namespaces: this.#inTurn(question), untilMs: Number.POSITIVE_INFINITY };
    this.keep(digest, answer);
    answer.namespaces.catch(() => this.forget(digest, answer));
    return answer;
  }

  keep(digest: string, answer: Remembered): void {
    this.#answers.delete(digest);
    this.#answers.set(digest, answer);
    const [oldest] = this.#answers.keys();
    if (this.#answers.size > KEYS_REMEMBERED && oldest !== undefined) this.#answers.delete(oldest);
  }

  forget(digest: string, answer: Remembered): void {
    if (this.#answers.get(digest) === answer) this.#answers.delete(digest);
  }

  async #inTurn(question: () => Promise<readonly string[]>): Promise<readonly string[]> {
    try {
      return await this.#turns.execute(question);
    } catch (error) {
      if (!(error instanceof BulkheadRejectedError)) throw error;
      throw unavailable("it is being asked about too many keys that it may not know");
    }
  }
}

export function openWhiskKeyVerifier({ apihost, clock = systemClock }: OpenWhiskKeyVerifierOptions): KeyVerifier {
  const url = new URL("/api/v1/namespaces", /^https?:\/\//.test(apihost) ? apihost : `https://${apihost}`);
  const known = new Lane(KNOWN_IN_FLIGHT, KEYS_REMEMBERED);
  const unknown = new Lane(UNKNOWN_IN_FLIGHT, UNKNOWN_WAITING);

  const noteAnswer = (digest: string, answer: Remembered, namespaces: readonly string[]) => {
    const isKnown = namespaces.length > 0;
    answer.untilMs = clock.monotonicMs() + (isKnown ? KNOWN_MS : UNKNOWN_MS);
    (isKnown ? unknown : known).forget(digest, answer);
    (isKnown ? known : unknown).keep(digest, answer);
  };

  return {
    async verify(basic) {
      const digest = createHash("sha256").update(basic).digest("base64");
      const lane = known.find(digest) ? known : unknown;
      const remembered = lane.find(digest);
      if (remembered && clock.monotonicMs() <= remembered.untilMs) return remembered.namespaces;
      const answer = lane.ask(digest, () => askNamespaces(url, basic));
      const namespaces = await answer.namespaces;
      noteAnswer(digest, answer, namespaces);
      return namespaces;
    },
  };
}

function unavailable(why: string): HarvestError {
  return new HarvestError("OWH_STORE_UNAVAILABLE", `OpenWhisk cannot say whose key this is: ${why}.`);
}

async function askNamespaces(url: URL, basic: string): Promise<readonly string[]> {
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
