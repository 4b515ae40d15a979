/**
 * The port to activation records, in OpenWhisk's document shape. Writing is off the hot path: `store` returns at once,
 * and `get` sees a record when it is kept, which is at once as a rule.
 *
 * Invariants, cited by the contract that each implementation passes:
 * activation-store.1  A record is there as a whole, and in every list that it belongs to, or not at all.
 * activation-store.2  What was accepted has a record or a note of it on disk; when the server died in between, the next
 *     start makes the record.
 * activation-store.3  A record is there once, however often and by whatever way it is written.
 */
import { annotationOf } from "@openwhisk-harvest/core";
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
  /** Whether the record of one more activation can be kept; invocations are refused while not. */
  readonly takesMore: boolean;
  /** Records that are not yet where they belong. */
  readonly waiting: number;
  /** Resolves when the note is on disk (activation-store.2); rejects with OWH_DISK_UNWRITABLE when it cannot be. */
  accept(activation: AcceptedActivation): Promise<void>;
  store(record: ActivationRecord): void;
  get(namespace: string, activationId: string): Promise<ActivationRecord | undefined>;
  /** Newest first; read as they are taken. */
  list(query: ActivationQuery, page: ActivationPage): AsyncIterable<ActivationRecord>;
  count(query: ActivationQuery): Promise<number>;
  /**
   * Deletes the records of a namespace that began then or before, and resolves with how many these were. OWH_BAD_REQUEST where records
   * are kept by another store; OWH_DISK_UNWRITABLE when the rest stays.
   */
  prune(namespace: string, upto: number): Promise<number>;
  /**
   * Resolves when what has been stored of this namespace so far survives the death of this process; rejects with OWH_DISK_UNWRITABLE
   * when some of it may not.
   */
  written(namespace: string): Promise<void>;
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

/** `[package/]name`, of the annotation `path`, which is `namespace/[package/]name`. */
export function pathOf(record: ActivationRecord): string {
  const path = annotationOf(record.annotations, "path");
  return typeof path === "string" ? path.slice(path.indexOf("/") + 1) : record.name;
}
