/**
 * DocumentStore in a folder of this machine (lmdb). Several processes may open the same folder.
 *
 * Each database has two tables: documents `{rev, body}` as JSON and attachments as bytes, both by the id's UTF-8 bytes, so that lmdb's
 * order is the port's order. What a write checks and what it changes happen in one write transaction, which lmdb gives to one
 * process at a time. A resolved write is in the system's page cache and survives the death of the process.
 */
import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import {
  type DatabaseName,
  type DocumentDatabase,
  type DocumentRange,
  type DocumentStore,
  HarvestError,
  messageOf,
  type StoredDocument,
} from "@openwhisk-harvest/core";
import { type Database, open, type RootDatabase } from "lmdb";
import { conflictOn, isStorableId, RANGE_PAGE, requireBody, requireId } from "./rules.js";

interface Entry {
  readonly rev: string;
  readonly body: unknown;
}

/** Four databases of two tables. */
const MAX_TABLES = 8;
/** lmdb's flags for a transaction that is flushed after it has been committed; its types do not know them. */
const FLUSH_LATER: number = 0x10002;
const OWNER_ONLY = 0o600;

/** Opens, or creates, the documents of a folder. OWH_STORE_UNAVAILABLE when the folder cannot be used. */
export function openLmdbDocuments(dir: string): DocumentStore {
  const root = openRoot(dir);
  const state = { open: true };
  const databases = new Map<DatabaseName, DocumentDatabase>();
  return {
    database(name) {
      const known = databases.get(name);
      if (known) return known;
      const database = new LmdbDatabase(root, name, state);
      databases.set(name, database);
      return database;
    },
    async close() {
      state.open = false;
      await root.close();
    },
  };
}

function openRoot(dir: string): RootDatabase {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 }); // lmdb's own would follow the umask
    return open({ path: dir, maxDbs: MAX_TABLES, noSubdir: false, permissionsMode: OWNER_ONLY } as Parameters<typeof open>[0]);
  } catch (error) {
    throw unavailable(error);
  }
}

class LmdbDatabase implements DocumentDatabase {
  readonly #documents: Database<Entry, Buffer>;
  readonly #attachments: Database<Buffer, Buffer>;

  readonly #state: { readonly open: boolean };

  constructor(root: RootDatabase, name: DatabaseName, state: { readonly open: boolean }) {
    this.#state = state;
    this.#documents = root.openDB<Entry, Buffer>(name, { encoding: "json", keyEncoding: "binary" });
    this.#attachments = root.openDB<Buffer, Buffer>(`${name}.attachments`, { encoding: "binary", keyEncoding: "binary" });
  }

  async get<T>(id: string): Promise<StoredDocument<T> | undefined> {
    if (!isStorableId(id)) return undefined;
    const entry = this.#read(() => this.#documents.get(Buffer.from(id)));
    return entry && { id, rev: entry.rev, body: entry.body as T };
  }

  async put<T extends object>(id: string, body: T, rev?: string): Promise<{ rev: string }> {
    return this.#write(id, body, rev);
  }

  async createWithAttachment<T extends object>(id: string, body: T, attachment: Uint8Array): Promise<void> {
    await this.#write(id, body, undefined, Buffer.from(attachment));
  }

  async delete(id: string, rev: string): Promise<void> {
    const key = Buffer.from(id);
    const found = await this.#change(() => {
      if (this.#documents.get(key)?.rev !== rev) return false;
      this.#documents.removeSync(key);
      this.#attachments.removeSync(key);
      return true;
    });
    if (!found) throw conflictOn(id);
  }

  async attachment(id: string): Promise<Uint8Array | undefined> {
    return isStorableId(id) ? this.#read(() => this.#attachments.get(Buffer.from(id))) : undefined;
  }

  async *range<T>(range: DocumentRange): AsyncIterable<StoredDocument<T>> {
    const { from, to, limit = Number.POSITIVE_INFINITY, descending = false } = range;
    const end = Buffer.from(descending ? from : to);
    let start: Buffer = Buffer.from(descending ? to : from);
    let exclusiveStart = descending;
    for (let left = limit; left > 0; left -= RANGE_PAGE) {
      const wanted = Math.min(left, RANGE_PAGE);
      const options = { start, end, exclusiveStart, inclusiveEnd: descending, reverse: descending, limit: wanted };
      const page = Buffer.compare(start, end) === (descending ? -1 : 1) ? [] : this.#read(() => [...this.#documents.getRange(options)]);
      for (const { key, value } of page) yield { id: key.toString(), rev: value.rev, body: value.body as T };
      const last = page.at(-1);
      if (!last || page.length < wanted) return;
      start = last.key;
      exclusiveStart = true;
    }
  }

  async #write(id: string, body: object, rev: string | undefined, attachment?: Buffer): Promise<{ rev: string }> {
    requireId(id);
    requireBody(id, body);
    const key = Buffer.from(id);
    const next = await this.#change(() => {
      const old = this.#documents.get(key)?.rev;
      if (old !== rev) return undefined;
      const entry = { rev: nextRev(old, body), body };
      this.#documents.putSync(key, entry);
      if (attachment) this.#attachments.putSync(key, attachment);
      else this.#attachments.removeSync(key); // as in CouchDB, where a document is replaced with all that hangs on it
      return entry.rev;
    });
    if (next === undefined) throw conflictOn(id);
    return { rev: next };
  }

  #read<R>(work: () => R): R {
    this.#requireOpen();
    try {
      this.#documents.resetReadTxn(); // it reads one snapshot for a whole turn of the event loop, and would not see what has been written in it
      return work();
    } catch (error) {
      throw unavailable(error);
    }
  }

  async #change<R>(work: () => R): Promise<R> {
    this.#requireOpen();
    try {
      return this.#documents.transactionSync(work, FLUSH_LATER); // an asynchronous one would end the process where the disk is full
    } catch (error) {
      throw unavailable(error);
    }
  }

  /** lmdb would throw past its caller, from a timer of its own. */
  #requireOpen(): void {
    if (!this.#state.open) throw new HarvestError("OWH_STORE_UNAVAILABLE", "The embedded documents are closed.");
  }
}

function unavailable(error: unknown): HarvestError {
  return new HarvestError("OWH_STORE_UNAVAILABLE", `The embedded documents cannot be reached: ${messageOf(error)}.`, { cause: error });
}

/** `N-<hash>`, as CouchDB writes them: N counts the changes, the hash tells two different N-th changes apart. */
function nextRev(old: string | undefined, body: object): string {
  const hash = createHash("md5")
    .update(old ?? "")
    .update(JSON.stringify(body));
  return `${Number.parseInt(old ?? "0", 10) + 1}-${hash.digest("hex")}`;
}
