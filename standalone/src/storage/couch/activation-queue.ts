/**
 * Records on their way to CouchDB, on disk: what is in here survives a crash, and a CouchDB that is away for a while
 * (architecture, 7). It is bounded: beyond MAX_QUEUED the oldest are lost, and said to be.
 */
import type { Database } from "lmdb";
import type { ActivationRecord } from "../../messages.js";
import type { AcceptedActivation, OnLost } from "../activation-store.js";
import type { DataDisk } from "../data-disk.js";

/** At some 2 KB a record these are 200 MB. */
const MAX_QUEUED = 100_000;

type Key = [namespace: string, activationId: string];

export interface Queued {
  readonly arrival: number;
  readonly key: Key;
  /** Absent when it came twice and the first has gone. */
  readonly record: ActivationRecord | undefined;
}

export class ActivationQueue {
  readonly #disk: DataDisk;
  readonly #accepted: Database<AcceptedActivation, Key>;
  readonly #records: Database<ActivationRecord, Key>;
  /** Keys by the order of arrival. */
  readonly #arrivals: Database<Key, number>;
  readonly #onLost: OnLost;
  readonly #maxQueued: number;
  #lastArrival: number;
  #length: number;

  constructor(disk: DataDisk, onLost: OnLost, maxQueued = MAX_QUEUED) {
    const { root } = disk;
    this.#disk = disk;
    this.#accepted = root.openDB({ name: "couch-activations-accepted" });
    this.#records = root.openDB({ name: "couch-activations-queue" });
    this.#arrivals = root.openDB({ name: "couch-activations-arrivals" });
    this.#onLost = onLost;
    this.#maxQueued = maxQueued;
    this.#length = this.#arrivals.getKeysCount();
    this.#lastArrival = [...this.#arrivals.getKeys({ reverse: true, limit: 1 })][0] ?? 0;
  }

  /** Why nothing can be queued now. */
  get failing(): string | undefined {
    return this.#disk.failing;
  }

  /** Of those on disk. */
  get length(): number {
    return this.#length;
  }

  /** The notes of what has been accepted and has no record. */
  accepted(): AcceptedActivation[] {
    return [...this.#accepted.getRange().map(({ value }) => value)];
  }

  async accept(activation: AcceptedActivation): Promise<void> {
    const key: Key = [activation.namespace, activation.activationId];
    this.#disk.commit(() => {
      if (!this.#records.doesExist(key)) this.#accepted.putSync(key, activation);
    });
  }

  async withdraw({ namespace, activationId }: AcceptedActivation): Promise<void> {
    this.#disk.commit(() => this.#accepted.removeSync([namespace, activationId]));
  }

  /** Resolves when the record is on disk, and the note of its acceptance gone. */
  async add(record: ActivationRecord): Promise<void> {
    const key: Key = [record.namespace, record.activationId];
    const arrival = ++this.#lastArrival;
    this.#disk.commit(() => {
      this.#records.putSync(key, record);
      this.#arrivals.putSync(arrival, key);
      this.#accepted.removeSync(key);
    });
    this.#length++;
    if (this.#length > this.#maxQueued) await this.#dropOldest();
  }

  get(namespace: string, activationId: string): ActivationRecord | undefined {
    return this.#records.get([namespace, activationId]);
  }

  /** The oldest ones. */
  batch(limit: number): readonly Queued[] {
    return [
      ...this.#arrivals.getRange({ limit }).map(({ key: arrival, value: key }) => ({ arrival, key, record: this.#records.get(key) })),
    ];
  }

  async remove(done: readonly Queued[]): Promise<void> {
    this.#disk.commit(() => {
      for (const { arrival, key } of done) {
        this.#arrivals.removeSync(arrival);
        this.#records.removeSync(key);
      }
    });
    this.#length -= done.length;
  }

  async #dropOldest(): Promise<void> {
    const oldest = this.batch(1);
    await this.remove(oldest);
    for (const { key } of oldest) this.#onLost(key[1], `${this.#maxQueued} records wait for CouchDB`);
  }
}
