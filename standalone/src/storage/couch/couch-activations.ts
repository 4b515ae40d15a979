/**
 * Activation records in OpenWhisk's database `activations`. As OpenWhisk's own store does it, records go there in bulk
 * and behind the answers; here they are in a queue on disk until CouchDB has them. What is read is the queue first,
 * then CouchDB.
 */
import { type Clock, HarvestError, messageOf } from "@openwhisk-harvest/core";
import type { Logger } from "../../container/logger.js";
import type { ActivationRecord } from "../../messages.js";
import {
  type AcceptedActivation,
  type ActivationPage,
  type ActivationQuery,
  type ActivationStore,
  cutOffRecord,
  type OnLost,
} from "../activation-store.js";
import {
  activationFromCouch,
  activationKey,
  activationToCouch,
  VIEW_BY_NAME,
  VIEW_BY_NAMESPACE,
  withLogsInside,
} from "./activation-documents.js";
import type { ActivationQueue } from "./activation-queue.js";
import type { CouchDatabase, ViewKey } from "./couch-database.js";

/** ActivationStore.scala: documents in one _bulk_docs. */
const BATCH = 500;
const RETRY_MS = 1_000;

export interface CouchActivationsParts {
  readonly database: CouchDatabase;
  readonly queue: ActivationQueue;
  readonly clock: Clock;
  readonly logger: Pick<Logger, "warn">;
  readonly onLost: OnLost;
}

export class CouchActivations implements ActivationStore {
  readonly #parts: CouchActivationsParts;
  readonly #pending = new Map<string, ActivationRecord>();
  readonly #closing = new AbortController();
  #lastWrite: Promise<unknown> = Promise.resolve();
  #upload: Promise<void> | undefined;
  #background: Promise<void> | undefined;

  private constructor(parts: CouchActivationsParts) {
    this.#parts = parts;
  }

  /** A note may have come after its record had gone to CouchDB (activation-store.2). */
  static async open(parts: CouchActivationsParts): Promise<CouchActivations> {
    const { queue, database } = parts;
    const activations = new CouchActivations(parts);
    for (const accepted of queue.accepted())
      if (await database.get(activationKey(accepted.namespace, accepted.activationId))) await queue.withdraw(accepted);
      else activations.store(cutOffRecord(accepted));
    activations.#uploadInBackground();
    return activations;
  }

  /** activation-store.2 */
  accept(activation: AcceptedActivation): Promise<void> {
    return this.#parts.queue.accept(activation);
  }

  /** With a queue that cannot be written it goes to CouchDB past it. */
  store(ended: ActivationRecord): void {
    const record = withLogsInside(ended);
    const { queue, onLost } = this.#parts;
    const key = activationKey(record.namespace, record.activationId);
    this.#pending.set(key, record);
    this.#lastWrite = queue
      .add(record)
      .catch(() => this.#uploadOne(record))
      .catch((error: unknown) => onLost(record.activationId, messageOf(error)))
      .finally(() => {
        this.#pending.delete(key);
        this.#uploadInBackground();
      });
  }

  get takesMore(): boolean {
    return this.#parts.queue.failing === undefined;
  }

  get waiting(): number {
    return this.#pending.size + this.#parts.queue.length;
  }

  async get(namespace: string, activationId: string): Promise<ActivationRecord | undefined> {
    const { queue, database } = this.#parts;
    const key = activationKey(namespace, activationId);
    const queued = this.#pending.get(key) ?? queue.get(namespace, activationId);
    if (queued) return queued;
    const document = await database.get(key);
    return document && activationFromCouch(document);
  }

  async *list(query: ActivationQuery, { skip, limit }: ActivationPage): AsyncGenerator<ActivationRecord> {
    await this.#uploaded();
    const { view, from, to } = rangeOf(query);
    const page = { include_docs: true, reduce: false, descending: true, skip, ...(limit > 0 && { limit }) };
    const rows = await this.#parts.database.rows(view, { ...page, startkey: to, endkey: from });
    for (const { doc } of rows) if (doc) yield activationFromCouch(doc);
  }

  async count(query: ActivationQuery): Promise<number> {
    await this.#uploaded();
    const { view, from, to } = rangeOf(query);
    const [row] = await this.#parts.database.rows(view, { reduce: true, startkey: from, endkey: to });
    return Number(row?.value ?? 0);
  }

  async prune(): Promise<number> {
    throw new HarvestError("OWH_BAD_REQUEST", "The records are in CouchDB, and are deleted there.");
  }

  async written(): Promise<void> {
    await this.#lastWrite;
  }

  /** What CouchDB does not take now stays in the queue. */
  async close(): Promise<void> {
    await this.written();
    this.#closing.abort();
    await this.#background;
    await this.#uploaded().catch((error: unknown) => this.#warn(error));
  }

  /** Resolves when CouchDB has all that is in the queue now. */
  async #uploaded(): Promise<void> {
    await this.written();
    for (let left = this.#parts.queue.length; left > 0; left -= BATCH) await this.#uploadBatch();
  }

  #uploadInBackground(): void {
    this.#background ??= this.#uploadAll().finally(() => {
      this.#background = undefined;
    });
  }

  async #uploadAll(): Promise<void> {
    const { queue, clock } = this.#parts;
    while (queue.length > 0 && !this.#closing.signal.aborted)
      try {
        await this.#uploadBatch();
      } catch (error) {
        this.#warn(error);
        await clock.sleep(RETRY_MS, this.#closing.signal).catch(() => undefined); // closing
      }
  }

  /** One at a time; a caller that comes meanwhile shares it. */
  #uploadBatch(): Promise<void> {
    this.#upload ??= this.#uploadOldest().finally(() => {
      this.#upload = undefined;
    });
    return this.#upload;
  }

  /** A conflict says that CouchDB has it already, of an upload whose answer was lost (activation-store.3). */
  async #uploadOldest(): Promise<void> {
    const { queue, database, clock, onLost } = this.#parts;
    const batch = queue.batch(BATCH);
    if (batch.length === 0) return;
    const records = batch.map(({ record }) => record).filter((record) => record !== undefined);
    const rows = await database.bulk(records.map((record) => activationToCouch(record, clock.nowMs())));
    for (const { id, error } of rows) if (error !== undefined && error !== "conflict") onLost(id, `CouchDB refuses it: ${error}`);
    await queue.remove(batch);
  }

  async #uploadOne(record: ActivationRecord): Promise<void> {
    const { database, clock } = this.#parts;
    const [row] = await database.bulk([activationToCouch(record, clock.nowMs())]);
    if (row?.error !== undefined && row.error !== "conflict") throw new Error(`CouchDB refuses it: ${row.error}`);
  }

  #warn(error: unknown): void {
    this.#parts.logger.warn({ queued: this.#parts.queue.length, reason: messageOf(error) }, "Activation records wait for CouchDB.");
  }
}

/** Above every number, as views are ordered. */
const ABOVE_NUMBERS = "\ufff0";

function rangeOf({ namespace, path, since = 0, upto }: ActivationQuery): { view: string; from: ViewKey; to: ViewKey } {
  const first = path === undefined ? namespace : `${namespace}/${path}`;
  return {
    view: path === undefined ? VIEW_BY_NAMESPACE : VIEW_BY_NAME,
    from: [first, since],
    to: [first, upto ?? ABOVE_NUMBERS],
  };
}
