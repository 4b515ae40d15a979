/**
 * Activation records, in OpenWhisk's document shape, in the embedded store. Writing is off the hot path: `store` returns at
 * once, the records of one turn of the event loop go into one transaction, and `get` sees them from the beginning.
 *
 * Keys: [namespace, activationId] -> record; indexes [namespace, start, id] and [namespace, path, start, id] (OpenWhisk's views
 * `activations` of whisks and whisks-filters), path being `[package/]name`.
 *
 * Invariants, cited by the tests:
 *  1. A record and its rows in the indexes are written together, so that none is ever torn.
 *  2. What was accepted has a record or a note of it on disk; when the server died in between, the next start makes the record.
 */
import { annotationOf, messageOf } from "@openwhisk-harvest/core";
import type { Database, Key, RootDatabase } from "lmdb";
import type { ActivationRecord } from "./messages.js";

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

/** What becomes of an activation whose server died. */
const SERVER_ENDED = "The server ended before the activation did.";

export class ActivationStore {
  readonly #accepted: Database<AcceptedActivation, [string, string]>;
  readonly #records: Database<ActivationRecord, [string, string]>;
  readonly #byStart: Database<string, Key[]>;
  readonly #byPath: Database<string, Key[]>;
  readonly #pending = new Map<string, ActivationRecord>();
  readonly #onLost: (activationId: string, why: string) => void;
  #lastWrite: Promise<unknown> = Promise.resolve();

  /** `onLost` hears of records that could not be written. */
  constructor(root: RootDatabase, onLost: (activationId: string, why: string) => void) {
    this.#records = root.openDB({ name: "activations" });
    this.#byStart = root.openDB({ name: "activations-by-start", encoding: "string" });
    this.#byPath = root.openDB({ name: "activations-by-path", encoding: "string" });
    this.#accepted = root.openDB({ name: "activations-accepted" });
    this.#onLost = onLost;
    this.#recover();
  }

  /** 2. Resolves when the note is on disk. */
  async accept(activation: AcceptedActivation): Promise<void> {
    const key: [string, string] = [activation.namespace, activation.activationId];
    await this.#accepted.transaction(() => {
      if (!this.#records.doesExist(key)) this.#accepted.putSync(key, activation);
    });
  }

  store(record: ActivationRecord): void {
    const { namespace, activationId, start } = record;
    this.#pending.set(`${namespace}/${activationId}`, record);
    this.#lastWrite = this.#records
      .transaction(() => {
        this.#records.putSync([namespace, activationId], record);
        this.#byStart.putSync([namespace, start, activationId], activationId);
        this.#byPath.putSync([namespace, pathOf(record), start, activationId], activationId);
        this.#accepted.removeSync([namespace, activationId]);
      })
      .catch((error: unknown) => this.#onLost(activationId, messageOf(error)))
      .finally(() => this.#pending.delete(`${namespace}/${activationId}`));
  }

  get(namespace: string, activationId: string): ActivationRecord | undefined {
    return this.#pending.get(`${namespace}/${activationId}`) ?? this.#records.get([namespace, activationId]);
  }

  /** Newest first; `limit` 0 means all. */
  async list(query: ActivationQuery, { skip, limit }: { skip: number; limit: number }): Promise<ActivationRecord[]> {
    await this.written();
    const ids = this.#index(query).getRange({ ...rangeOf(query), reverse: true, offset: skip, ...(limit > 0 && { limit }) });
    const records = [...ids.map(({ value }) => this.#records.get([query.namespace, value]))];
    return records.filter((r) => r !== undefined);
  }

  async count(query: ActivationQuery): Promise<number> {
    await this.written();
    const { start, end } = rangeOf(query);
    return this.#index(query).getKeysCount({ start: end, end: start });
  }

  /** Resolves when everything stored so far is on disk or reported as lost. */
  async written(): Promise<void> {
    await this.#lastWrite;
  }

  /** 2 */
  #recover(): void {
    for (const { value } of this.#accepted.getRange())
      this.store({
        ...value,
        end: value.start,
        duration: 0,
        response: { statusCode: 3, result: { error: SERVER_ENDED } },
        logs: [],
        publish: false,
      });
  }

  #index(query: ActivationQuery): Database<string, Key[]> {
    return query.path === undefined ? this.#byStart : this.#byPath;
  }
}

/** From the newest down, so `start` lies above `end`. A key is below every longer key that begins with it. */
function rangeOf({ namespace, path, since = 0, upto = Number.MAX_SAFE_INTEGER - 1 }: ActivationQuery): { start: Key[]; end: Key[] } {
  const prefix = path === undefined ? [namespace] : [namespace, path];
  return { start: [...prefix, upto + 1], end: [...prefix, since] };
}

/** The annotation `path` is `namespace/[package/]name`. */
function pathOf(record: ActivationRecord): string {
  const path = annotationOf(record.annotations, "path");
  return typeof path === "string" ? path.slice(path.indexOf("/") + 1) : record.name;
}
