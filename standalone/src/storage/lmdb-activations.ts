/**
 * Activation records in the embedded store. A journal keeps them until they are there, so that no answer waits for the store, and none
 * is lost while the disk is full.
 *
 * lmdb-activations.R1  A record is shown when it is kept: in the journal or in the store. What has been shown, and what has been
 *     accepted, is there after any death of this process.
 * lmdb-activations.R2  What is kept by the journal alone is written to the store until it is there, and only then is the journal emptied.
 * lmdb-activations.R3  What neither keeps is tried again when the disk takes writes; long logs are given up for that, and the record
 *     says so.
 */
import { HarvestError, messageOf } from "@openwhisk-harvest/core";
import type { ActivationRecord } from "../messages.js";
import {
  type AcceptedActivation,
  type ActivationPage,
  type ActivationQuery,
  type ActivationStore,
  cutOffRecord,
  type OnLost,
  pathOf,
} from "./activation-store.js";
import type { DataDisk } from "./data-disk.js";
import type { RecordJournal } from "./record-journal.js";
import { RecordTables } from "./record-tables.js";
import { Turns } from "./turns.js";

/** The longer records wait, the more of them share a transaction. */
const FLUSH_AFTER_MS = 50;
/** Records of one transaction. */
const SLICE = 16;
/** Longer ones go to the store at once: they would fill the journal. */
const LONGEST_LINE_BYTES = 256 * 1024;
/** While the store cannot be written, invocations are let in as long as the journal has so much room. */
const RESERVE_BYTES = 2 * 1024 * 1024;
const LOGS_NOT_KEPT = "The logs could not be kept: the server's disk took no writes.";

interface Unkept {
  readonly record: ActivationRecord;
  /** Resolves when it has been tried, however that went. */
  readonly attempt: Promise<void>;
}

export class LmdbActivations implements ActivationStore {
  readonly #disk: DataDisk;
  readonly #journal: RecordJournal;
  readonly #tables: RecordTables;
  readonly #onLost: OnLost;
  /** Kept by the journal alone. */
  readonly #pending = new Map<string, ActivationRecord>();
  readonly #notes = new Map<string, AcceptedActivation>();
  /** lmdb-activations.R3 */
  readonly #unkept = new Map<string, Unkept>();
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> | undefined;
  #closed = false;

  /** What an earlier process left is in the store when it resolves, or shown from the journal (activation-store.2, activation-store.3). */
  static async open(disk: DataDisk, journal: RecordJournal, onLost: OnLost): Promise<LmdbActivations> {
    const activations = new LmdbActivations(disk, journal, onLost);
    await activations.#recover();
    return activations;
  }

  /** For a new folder; `open` for any. */
  constructor(disk: DataDisk, journal: RecordJournal, onLost: OnLost) {
    this.#disk = disk;
    this.#journal = journal;
    this.#tables = new RecordTables(disk);
    this.#onLost = onLost;
    disk.onRecovered(() => this.#tryAgain());
  }

  get takesMore(): boolean {
    return this.#disk.failing === undefined || this.#journal.freeBytes >= RESERVE_BYTES;
  }

  get waiting(): number {
    return this.#pending.size + this.#unkept.size;
  }

  /** activation-store.2 */
  async accept(accepted: AcceptedActivation): Promise<void> {
    if (this.#isKept(accepted)) return;
    if (!this.#journal.append({ accepted })) {
      this.#disk.commit(() => this.#tables.putNote(accepted));
      return;
    }
    this.#notes.set(keyOf(accepted), accepted);
    this.#flushSoon();
  }

  /** activation-store.1 and activation-store.3 */
  store(record: ActivationRecord): void {
    if (this.#closed) this.#onLost(record.activationId, "the store is closed");
    else if (record.longLogs || !this.#append(record)) this.#keep(record);
  }

  async get(namespace: string, activationId: string): Promise<ActivationRecord | undefined> {
    return this.#pending.get(keyOf({ namespace, activationId })) ?? this.#tables.get([namespace, activationId]);
  }

  async *list(query: ActivationQuery, { skip, limit }: ActivationPage): AsyncGenerator<ActivationRecord> {
    await this.#flush();
    const turns = new Turns();
    for (const { id } of this.#ids(query, skip + (limit || Number.POSITIVE_INFINITY)).slice(skip)) {
      const record = await this.get(query.namespace, id);
      if (record) yield record;
      await turns.next();
    }
  }

  async count(query: ActivationQuery): Promise<number> {
    await this.#flush();
    return this.#pending.size === 0 ? this.#tables.count(query) : this.#ids(query, Number.POSITIVE_INFINITY).length;
  }

  async prune(namespace: string, upto: number): Promise<number> {
    await this.#flush(); // so that the journal brings none of them back
    const turns = new Turns();
    let pruned = 0;
    for (;;) {
      const removed = this.#tables.removeOldest(namespace, upto, SLICE);
      if (removed === 0) return pruned;
      pruned += removed;
      await turns.next();
    }
  }

  async written(namespace: string): Promise<void> {
    const unkept = () => [...this.#unkept.values()].filter(({ record }) => record.namespace === namespace);
    await Promise.all(unkept().map(({ attempt }) => attempt));
    if (unkept().length > 0)
      throw new HarvestError(
        "OWH_DISK_UNWRITABLE",
        "The activation ended, but the server's disk takes no writes, so its record may be lost.",
      );
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#unkept.values()].map(({ attempt }) => attempt));
    await this.#flush();
    for (const { record } of this.#unkept.values()) this.#onLost(record.activationId, this.#disk.failing ?? "there was no more time");
    this.#journal.close();
  }

  /** The journal first: it may hold the record of what was accepted. */
  async #recover(): Promise<void> {
    for (const { record, accepted } of this.#journal.left) {
      if (record && !this.#isKept(record)) this.#pending.set(keyOf(record), record);
      if (accepted) this.#notes.set(keyOf(accepted), accepted);
    }
    for (const note of [...this.#notes.values(), ...this.#tables.accepted()])
      if (!this.#isKept(note)) this.#pending.set(keyOf(note), cutOffRecord(note)); // as the note is kept, so is this
    this.#notes.clear();
    await this.#flush();
    if (this.#disk.failing === undefined) this.#tables.dropUnfinished();
  }

  #isKept({ namespace, activationId }: Pick<ActivationRecord, "namespace" | "activationId">): boolean {
    return this.#pending.has(keyOf({ namespace, activationId })) || this.#tables.has([namespace, activationId]);
  }

  /** Whether the journal keeps it. */
  #append(record: ActivationRecord): boolean {
    const longestBytes = this.#disk.failing === undefined ? LONGEST_LINE_BYTES : Number.POSITIVE_INFINITY;
    if (!this.#journal.append({ record }, longestBytes)) return false;
    this.#pending.set(keyOf(record), record);
    this.#flushSoon();
    return true;
  }

  #keep(record: ActivationRecord): void {
    const attempt = this.#putAtOnce(record).then((kept) => {
      if (kept) this.#unkept.delete(keyOf(record));
    });
    this.#unkept.set(keyOf(record), { record, attempt });
  }

  /** lmdb-activations.R3 */
  async #putAtOnce(record: ActivationRecord): Promise<boolean> {
    try {
      await this.#tables.putWithLogs(record);
      return true;
    } catch (error) {
      if (!(error instanceof HarvestError)) {
        this.#onLost(record.activationId, messageOf(error));
        return true;
      }
      const short = withoutLongLogs(record);
      if (this.#append(short)) return true;
      this.#unkept.set(keyOf(record), { record: short, attempt: Promise.resolve() });
      return false;
    }
  }

  #tryAgain(): void {
    for (const { record } of [...this.#unkept.values()]) this.#keep(record);
    this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#closed) return;
    this.#timer ??= setTimeout(() => void this.#flush(), FLUSH_AFTER_MS);
  }

  /** Resolves when what is pending now is in the store, or the disk has refused it. */
  async #flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#flushing;
    this.#flushing ??= this.#flushAll().finally(() => {
      this.#flushing = undefined;
    });
    await this.#flushing;
  }

  /** lmdb-activations.R2 */
  async #flushAll(): Promise<void> {
    const turns = new Turns();
    try {
      while (this.#pending.size + this.#notes.size > 0) {
        this.#flushSlice();
        await turns.next();
      }
      this.#journal.clear();
    } catch (error) {
      if (!(error instanceof HarvestError)) throw error; // the disk says when to try again
    }
  }

  #flushSlice(): void {
    const records = [...this.#pending].slice(0, SLICE);
    const notes = [...this.#notes];
    try {
      this.#disk.commit(() => {
        for (const [, record] of records) this.#tables.put(record);
        for (const [key, note] of notes) if (!this.#pending.has(key)) this.#tables.putNote(note);
      });
    } catch (error) {
      if (error instanceof HarvestError || records.length === 0) throw error;
      this.#dropUnwritable(records);
      return;
    }
    for (const [key] of records) this.#pending.delete(key);
    for (const [key] of notes) this.#notes.delete(key);
  }

  /** What no store could take holds up no other. */
  #dropUnwritable(records: readonly (readonly [string, ActivationRecord])[]): void {
    for (const [key, record] of records)
      try {
        this.#disk.commit(() => this.#tables.put(record));
        this.#pending.delete(key);
      } catch (error) {
        if (error instanceof HarvestError) throw error;
        this.#pending.delete(key);
        this.#onLost(record.activationId, messageOf(error));
      }
  }

  /** Newest first, of the store and of what is still on its way there. */
  #ids(query: ActivationQuery, limit: number): { readonly id: string; readonly start: number }[] {
    const stored = this.#tables.ids(query, limit);
    if (this.#pending.size === 0) return stored;
    const waiting = [...this.#pending.values()]
      .filter((record) => matches(record, query))
      .map(({ activationId: id, start }) => ({ id, start }));
    const newestFirst = [...stored, ...waiting].sort((a, b) => b.start - a.start || (a.id < b.id ? 1 : -1));
    return newestFirst.slice(0, limit);
  }
}

function keyOf({ namespace, activationId }: Pick<ActivationRecord, "namespace" | "activationId">): string {
  return `${namespace}/${activationId}`;
}

function matches(record: ActivationRecord, { namespace, path, since = 0, upto = Number.POSITIVE_INFINITY }: ActivationQuery): boolean {
  return record.namespace === namespace && (path === undefined || pathOf(record) === path) && record.start >= since && record.start <= upto;
}

function withoutLongLogs({ longLogs, ...record }: ActivationRecord): ActivationRecord {
  return longLogs ? { ...record, logs: [LOGS_NOT_KEPT, ...record.logs] } : record;
}
