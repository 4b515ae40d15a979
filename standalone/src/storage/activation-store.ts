/**
 * The port to activation records, in OpenWhisk's document shape. Writing is off the hot path: `store` returns at once,
 * and `get` sees a record from then on.
 *
 * Invariants, cited by the contract that each implementation passes:
 * activation-store.1  A record is there as a whole, and in every list that it belongs to, or not at all.
 * activation-store.2  What was accepted has a record or a note of it on disk; when the server died in between, the next
 *     start makes the record.
 * activation-store.3  A record is there once, however often and by whatever way it is written.
 */
import type { ActivationRecord } from "../messages.js";

export interface ActivationQuery {
  readonly namespace: string;
  /** `[package/]name` */
  readonly path?: string;
  /** ms since the epoch, inclusive */
  readonly since?: number;
  /** ms since the epoch, inclusive */
  readonly upto?: number;
}

/** What is known of an activation when a client is told its id. */
export type AcceptedActivation = Pick<
  ActivationRecord,
  "namespace" | "name" | "version" | "subject" | "activationId" | "start" | "annotations"
>;

/** `limit` 0 means all. */
export interface ActivationPage {
  readonly skip: number;
  readonly limit: number;
}

/** Reading rejects with OWH_STORE_UNAVAILABLE when the records cannot be reached. */
export interface ActivationStore {
  /** Resolves when the note is on disk (activation-store.2). */
  accept(activation: AcceptedActivation): Promise<void>;
  store(record: ActivationRecord): void;
  get(namespace: string, activationId: string): Promise<ActivationRecord | undefined>;
  /** Newest first. */
  list(query: ActivationQuery, page: ActivationPage): Promise<ActivationRecord[]>;
  count(query: ActivationQuery): Promise<number>;
  /** Resolves when everything stored so far survives the death of this process, or is reported as lost. */
  written(): Promise<void>;
  /** Ends what goes on in the background. What is on disk then is found by the next start. */
  close(): Promise<void>;
}

/** Hears of records that could not be written. */
export type OnLost = (activationId: string, why: string) => void;

/** The record of an activation whose server died. */
export function cutOffRecord(accepted: AcceptedActivation): ActivationRecord {
  return {
    ...accepted,
    end: accepted.start,
    duration: 0,
    response: { statusCode: 3, result: { error: "The server ended before the activation did." } },
    logs: [],
    publish: false,
  };
}
