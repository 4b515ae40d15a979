/**
 * Activation records in the embedded store. The records of one turn of the event loop go into one transaction; until it
 * is on disk a journal keeps them (record-journal.ts), so that no answer waits for it.
 *
 * Keys: [namespace, activationId] -> record; indexes [namespace, start, id] and [namespace, path, start, id]
 * (OpenWhisk's views `activations` of whisks and whisks-filters), path being `[package/]name`.
 */
import { annotationOf, messageOf } from "@openwhisk-harvest/core";
import type { Database, Key, RootDatabase } from "lmdb";
import type { ActivationRecord } from "../messages.js";
import {
  type AcceptedActivation,
  type ActivationPage,
  type ActivationQuery,
  type ActivationStore,
  cutOffRecord,
  type OnLost,
} from "./activation-store.js";
import type { RecordJournal } from "./record-journal.js";

export class LmdbActivations implements ActivationStore {
  readonly #accepted: Database<AcceptedActivation, [string, string]>;
  readonly #records: Database<ActivationRecord, [string, string]>;
  readonly #byStart: Database<string, Key[]>;
  readonly #byPath: Database<string, Key[]>;
  readonly #pending = new Map<string, ActivationRecord>();
  readonly #onLost: OnLost;
  readonly #journal: RecordJournal;
  /** Of what has been stored so far. */
  #lastWrite: Promise<unknown> = Promise.resolve();
  /** Of what the journal has not kept. */
  #lastUnkept: Promise<unknown> = Promise.resolve();
  #closed = false;

  /** What an earlier process left is in the store when it resolves (activation-store.2, activation-store.3). */
  static async open(root: RootDatabase, journal: RecordJournal, onLost: OnLost): Promise<LmdbActivations> {
    const activations = new LmdbActivations(root, journal, onLost);
    await activations.#recover();
    return activations;
  }

  /** For a new folder; `open` for any. */
  constructor(root: RootDatabase, journal: RecordJournal, onLost: OnLost) {
    this.#records = root.openDB({ name: "activations" });
    this.#byStart = root.openDB({ name: "activations-by-start", encoding: "string" });
    this.#byPath = root.openDB({ name: "activations-by-path", encoding: "string" });
    this.#accepted = root.openDB({ name: "activations-accepted" });
    this.#journal = journal;
    this.#onLost = onLost;
  }

  /** activation-store.2 */
  async accept(activation: AcceptedActivation): Promise<void> {
    const { namespace, activationId } = activation;
    if (!this.#isStored(activation)) await this.#accepted.put([namespace, activationId], activation);
  }

  /** activation-store.1 and activation-store.3 */
  store(record: ActivationRecord): void {
    if (this.#closed) {
      this.#onLost(record.activationId, "the store is closed"); // lmdb would end the process
      return;
    }
    const isKept = this.#journal.append(record);
    this.#writeLater(record);
    if (!isKept) this.#lastUnkept = this.#lastWrite;
    this.#journal.turn(this.#lastWrite);
  }

  async get(namespace: string, activationId: string): Promise<ActivationRecord | undefined> {
    return this.#pending.get(`${namespace}/${activationId}`) ?? this.#records.get([namespace, activationId]);
  }

  async list(query: ActivationQuery, { skip, limit }: ActivationPage): Promise<ActivationRecord[]> {
    await this.#lastWrite;
    const ids = this.#index(query).getRange({ ...rangeOf(query), reverse: true, offset: skip, ...(limit > 0 && { limit }) });
    const records = [...ids.map(({ value }) => this.#records.get([query.namespace, value]))];
    return records.filter((r) => r !== undefined);
  }

  async count(query: ActivationQuery): Promise<number> {
    await this.#lastWrite;
    const { start, end } = rangeOf(query);
    return this.#index(query).getKeysCount({ start: end, end: start });
  }

  async written(): Promise<void> {
    await this.#lastUnkept;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#lastWrite;
    this.#journal.clear();
    this.#journal.close();
  }

  /** The journal first: it may hold the record of what was accepted. */
  async #recover(): Promise<void> {
    for (const record of this.#journal.left) if (!this.#isStored(record)) this.#writeLater(record);
    await this.#lastWrite;
    this.#journal.clear();
    for (const { value } of this.#accepted.getRange()) this.#writeLater(cutOffRecord(value));
    await this.#lastWrite;
  }

  #isStored({ namespace, activationId }: Pick<ActivationRecord, "namespace" | "activationId">): boolean {
    return this.#pending.has(`${namespace}/${activationId}`) || this.#records.doesExist([namespace, activationId]);
  }

  #writeLater(record: ActivationRecord): void {
    const { namespace, activationId } = record;
    const key = `${namespace}/${activationId}`;
    this.#pending.set(key, record);
    this.#lastWrite = this.#write(record)
      .catch((error: unknown) => this.#onLost(activationId, messageOf(error)))
      .finally(() => this.#pending.delete(key));
  }

  /**
   * What is written in one turn of the event loop is one transaction (activation-store.1); the callback of an explicit
   * one would cost another turn.
   */
  async #write(record: ActivationRecord): Promise<void> {
    const { namespace, activationId, start } = record;
    await Promise.all([
      this.#records.put([namespace, activationId], record),
      this.#byStart.put([namespace, start, activationId], activationId),
      this.#byPath.put([namespace, pathOf(record), start, activationId], activationId),
      this.#accepted.remove([namespace, activationId]),
    ]);
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

/** `[package/]name`, of the annotation `path`, which is `namespace/[package/]name`. */
export function pathOf(record: ActivationRecord): string {
  const path = annotationOf(record.annotations, "path");
  return typeof path === "string" ? path.slice(path.indexOf("/") + 1) : record.name;
}
