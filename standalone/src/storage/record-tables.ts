/**
 * The tables of activation records in the embedded store: [namespace, activationId] -> record; indexes [namespace, start, id] and
 * [namespace, path, start, id] (OpenWhisk's views `activations` of whisks and whisks-filters), path being `[package/]name`;
 * [namespace, id, n] -> a piece of long logs; the notes of what has been accepted and has no record.
 */
import type { Database, Key, RootDatabase } from "lmdb";
import type { ActivationRecord } from "../messages.js";
import { type AcceptedActivation, type ActivationQuery, pathOf } from "./activation-store.js";
import type { DataDisk } from "./data-disk.js";
import { Turns } from "./turns.js";

export type RecordKey = [namespace: string, activationId: string];

/** Long logs are apart from their record, so that lists and results do without them. */
type StoredRecord = Omit<ActivationRecord, "longLogs"> & { readonly logPieces?: number; readonly logBytes?: number };

/** Pieces of long logs in one transaction. */
const PIECES_BYTES = 512 * 1024;

export class RecordTables {
  readonly #disk: DataDisk;
  readonly #records: Database<StoredRecord, RecordKey>;
  readonly #byStart: Database<string, Key[]>;
  readonly #byPath: Database<string, Key[]>;
  readonly #accepted: Database<AcceptedActivation, RecordKey>;
  readonly #pieces: Database<Buffer, [...RecordKey, number]>;
  /** How many pieces may be there of records that are not. */
  readonly #unfinished: Database<number, RecordKey>;

  constructor(disk: DataDisk) {
    const root: RootDatabase = disk.root;
    this.#disk = disk;
    this.#records = root.openDB({ name: "activations" });
    this.#byStart = root.openDB({ name: "activations-by-start", encoding: "string" });
    this.#byPath = root.openDB({ name: "activations-by-path", encoding: "string" });
    this.#accepted = root.openDB({ name: "activations-accepted" });
    this.#pieces = root.openDB({ name: "activations-log-pieces", encoding: "binary" });
    this.#unfinished = root.openDB({ name: "activations-unfinished" });
  }

  has(key: RecordKey): boolean {
    return this.#records.doesExist(key);
  }

  get(key: RecordKey): ActivationRecord | undefined {
    const stored = this.#records.get(key);
    if (!stored) return undefined;
    const { logPieces, logBytes, ...record } = stored;
    if (logPieces === undefined) return record;
    const pieces = this.#pieces;
    const longLogs = {
      bytes: logBytes ?? 0,
      *pieces() {
        for (let n = 0; n < logPieces; n++) yield pieces.get([...key, n]) ?? Buffer.alloc(0);
      },
    };
    return { ...record, longLogs };
  }

  accepted(): AcceptedActivation[] {
    return [...this.#accepted.getRange().map(({ value }) => value)];
  }

  /** Newest first, with their starts. */
  ids(query: ActivationQuery, limit: number): { readonly id: string; readonly start: number }[] {
    const found = this.#index(query).getRange({ ...rangeOf(query), reverse: true, limit });
    return [...found.map(({ key, value: id }) => ({ id, start: Number(key.at(-2)) }))];
  }

  count(query: ActivationQuery): number {
    const { start, end } = rangeOf(query);
    return this.#index(query).getKeysCount({ start: end, end: start });
  }

  /** Within a commit. A note whose record is there is none. */
  putNote(accepted: AcceptedActivation): void {
    const key: RecordKey = [accepted.namespace, accepted.activationId];
    if (!this.has(key)) this.#accepted.putSync(key, accepted);
  }

  /** Within a commit. Without its long logs, of which so many pieces are there. */
  put({ longLogs, ...record }: ActivationRecord, logPieces = 0): void {
    const { namespace, activationId, start } = record;
    const key: RecordKey = [namespace, activationId];
    this.#byPath.putSync([namespace, pathOf(record), start, activationId], activationId);
    this.#byStart.putSync([namespace, start, activationId], activationId);
    this.#records.putSync(key, longLogs ? { ...record, logPieces, logBytes: longLogs.bytes } : record);
    this.#accepted.removeSync(key);
    if (longLogs) this.#unfinished.removeSync(key);
  }

  /** The pieces of its long logs, in transactions of their own, and then the record. Rejects as a commit throws. */
  async putWithLogs(record: ActivationRecord): Promise<void> {
    const key: RecordKey = [record.namespace, record.activationId];
    const turns = new Turns();
    let written = 0;
    let batch: Uint8Array[] = [];
    const write = () =>
      this.#disk.commit(() => {
        this.#unfinished.putSync(key, written + batch.length);
        for (const piece of batch) this.#pieces.putSync([...key, written++], Buffer.from(piece.buffer, piece.byteOffset, piece.length));
      });
    for (const piece of record.longLogs?.pieces() ?? []) {
      batch.push(piece);
      if (batch.reduce((sum, { length }) => sum + length, 0) < PIECES_BYTES) continue;
      write();
      batch = [];
      await turns.next();
    }
    if (batch.length > 0) write();
    this.#disk.commit(() => this.put(record, written));
  }

  /** Removes the pieces of records that were never finished. */
  dropUnfinished(): void {
    for (const { key, value: pieces } of this.#unfinished.getRange())
      this.#disk.commit(() => {
        for (let n = 0; n < pieces; n++) this.#pieces.removeSync([...key, n]);
        this.#unfinished.removeSync(key);
      });
  }

  /** At most so many that began then or before; how many these were. */
  removeOldest(namespace: string, upto: number, limit: number): number {
    const ids = [...this.#byStart.getRange({ start: [namespace, 0], end: [namespace, upto + 1], limit }).map(({ value }) => value)];
    this.#disk.commit(() => {
      for (const id of ids) this.#remove([namespace, id]);
    });
    return ids.length;
  }

  #remove(key: RecordKey): void {
    const stored = this.#records.get(key);
    if (!stored) return;
    const { start, logPieces = 0 } = stored;
    this.#byStart.removeSync([key[0], start, key[1]]);
    this.#byPath.removeSync([key[0], pathOf(stored), start, key[1]]);
    for (let n = 0; n < logPieces; n++) this.#pieces.removeSync([...key, n]);
    this.#records.removeSync(key);
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
