/**
 * DocumentStore on CouchDB (nano). Databases are created when they are missing.
 *
 * Quirks of nano 11 that shape this file: an id with `_local` anywhere in it goes out unescaped, so documents are addressed by
 * `path`; a JSON answer that is cut off resolves with "", which is refused here; a binary answer that is cut off becomes an
 * unhandled rejection, so attachments are read within their document's JSON. Its errors carry the request, so they are never a `cause`.
 */
import {
  type DatabaseName,
  type DocumentDatabase,
  type DocumentRange,
  type DocumentStore,
  HarvestError,
  type StoredDocument,
} from "@openwhisk-harvest/core";
import nano from "nano";
import { Ensured } from "./ensured.js";
import { conflictOn, isStorableId, RANGE_PAGE, requireBody, requireId } from "./rules.js";

export interface CouchOptions {
  /**
   * Longest wait for one answer, ms. An attachment of 30 MB travels in one.
   * @defaultValue 10000
   */
  readonly timeoutMs?: number;
}

/** A document as CouchDB shows it. */
interface CouchDocument extends Record<string, unknown> {
  readonly _id: string;
  readonly _rev: string;
  readonly _attachments?: Readonly<Record<string, { readonly data?: string }>>;
}

/** The one attachment a document may have. */
const ATTACHMENT = "data";

export function openCouchDocuments(url: string, { timeoutMs = 10_000 }: CouchOptions = {}): DocumentStore {
  const server = new CouchServer(url, timeoutMs);
  const databases = new Map<DatabaseName, DocumentDatabase>();
  return {
    database(name) {
      const known = databases.get(name);
      if (known) return known;
      const database = new CouchDatabase(server, name);
      databases.set(name, database);
      return database;
    },
    close: async () => undefined, // HTTP: nothing is held between two requests
  };
}

type Query = Readonly<Record<string, string | number | boolean>>;

/** The requests of one server, with its errors turned into ours. */
class CouchServer {
  readonly #nano: nano.ServerScope;
  readonly #timeoutMs: number;
  /** The URL without its user and password, for messages. */
  readonly #where: string;

  constructor(url: string, timeoutMs: number) {
    const { protocol, host } = parsedUrl(url);
    this.#where = `${protocol}//${host}`;
    this.#timeoutMs = timeoutMs;
    // A path belongs to the server's address and names no database. nano's types lack this option.
    this.#nano = nano({ url, parseUrl: false } as nano.Configuration) as nano.ServerScope;
  }

  /** Resolves with the parsed answer, or undefined when there is no such thing. */
  async ask<T>(request: { db: string; path?: string; method?: string; qs?: Query; body?: object }): Promise<T | undefined> {
    let answer: unknown;
    try {
      // nano passes `signal` on to fetch, though its types do not say so.
      answer = await this.#nano.request({ ...request, signal: AbortSignal.timeout(this.#timeoutMs) } as nano.RequestOptions);
    } catch (error) {
      const { statusCode, message } = error as { statusCode?: number; message: string };
      if (statusCode === 404) return undefined;
      throw this.#errorOf(statusCode, message, request.path ?? request.db);
    }
    if (typeof answer !== "object" || answer === null) throw this.#unavailable("its answer was cut off");
    return answer as T;
  }

  #errorOf(status: number | undefined, reason: string, what: string): HarvestError {
    const named = decodeURIComponent(what);
    if (status === 409) return conflictOn(named);
    if (status === 413) return new HarvestError("OWH_TOO_LARGE", `CouchDB at ${this.#where} takes no document as large as ${named}.`);
    if (status === 400) return new HarvestError("OWH_BAD_REQUEST", `CouchDB at ${this.#where} refuses ${named}: ${reason}.`);
    if (status === 412) return new HarvestError("OWH_CONFLICT", `The database ${named} exists already.`);
    return this.#unavailable(status === undefined ? reason : `status ${status}, ${reason}`);
  }

  #unavailable(reason: string): HarvestError {
    return new HarvestError("OWH_STORE_UNAVAILABLE", `CouchDB at ${this.#where} cannot be used: ${reason}.`);
  }
}

function parsedUrl(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== "http:" && parsed?.protocol !== "https:")
    throw new HarvestError("OWH_BAD_CONFIG", "The URL of CouchDB must begin with http:// or https://.");
  return parsed;
}

class CouchDatabase implements DocumentDatabase {
  readonly #server: CouchServer;
  readonly #name: DatabaseName;
  readonly #exists: Ensured;

  constructor(server: CouchServer, name: DatabaseName) {
    this.#server = server;
    this.#name = name;
    this.#exists = new Ensured(() => this.#create());
  }

  async get<T>(id: string): Promise<StoredDocument<T> | undefined> {
    if (!isStorableId(id)) return undefined;
    const document = await this.#ask<CouchDocument>(pathOf(id));
    return document && fromCouch<T>(document);
  }

  async put<T extends object>(id: string, body: T, rev?: string): Promise<{ rev: string }> {
    requireId(id);
    requireBody(id, body);
    return this.#write(id, rev === undefined ? body : { ...body, _rev: rev });
  }

  async createWithAttachment<T extends object>(id: string, body: T, attachment: Uint8Array): Promise<void> {
    requireId(id);
    requireBody(id, body);
    const data = Buffer.from(attachment).toString("base64");
    await this.#write(id, { ...body, _attachments: { [ATTACHMENT]: { content_type: "application/octet-stream", data } } });
  }

  async delete(id: string, rev: string): Promise<void> {
    requireId(id);
    if (!(await this.#ask(pathOf(id), { method: "DELETE", qs: { rev } }))) throw conflictOn(id);
  }

  async attachment(id: string): Promise<Uint8Array | undefined> {
    if (!isStorableId(id)) return undefined;
    const document = await this.#ask<CouchDocument>(pathOf(id), { qs: { attachments: true } });
    const data = document?._attachments?.[ATTACHMENT]?.data;
    return data === undefined ? undefined : Buffer.from(data, "base64");
  }

  /**
   * CouchDB orders `_all_docs` by the ids' bytes. Backwards it has no exclusive start: one row more is asked for, and the row that
   * bears the start's very id is left out.
   */
  async *range<T>({ from, to, limit = Number.POSITIVE_INFINITY, descending = false }: DocumentRange): AsyncIterable<StoredDocument<T>> {
    if (Buffer.compare(Buffer.from(from), Buffer.from(to)) >= 0) return; // CouchDB answers 400
    let start = descending ? to : from;
    let skipStart = descending;
    for (let left = limit; left > 0; ) {
      const wanted = Math.min(left, RANGE_PAGE) + (skipStart ? 1 : 0);
      const rows = await this.#page(start, descending ? from : to, wanted, descending);
      for (const { id, doc } of rows) {
        if ((skipStart && id === start) || id.startsWith("_") || !doc || left <= 0) continue; // no doc: deleted in this very moment
        left--;
        yield fromCouch<T>(doc);
      }
      const last = rows.at(-1);
      if (!last || rows.length < wanted) return;
      start = last.id;
      skipStart = true;
    }
  }

  async #page(start: string, end: string, limit: number, descending: boolean): Promise<readonly AllDocsRow[]> {
    const qs = { include_docs: true, startkey: start, endkey: end, inclusive_end: descending, descending, limit };
    return (await this.#ask<{ rows: AllDocsRow[] }>("_all_docs", { qs }))?.rows ?? [];
  }

  async #write(id: string, body: object): Promise<{ rev: string }> {
    const written = await this.#ask<{ rev: string }>(pathOf(id), { method: "PUT", body });
    if (!written) throw conflictOn(id); // 404: a revision of a document that never was
    return { rev: written.rev };
  }

  async #ask<T>(path: string, request: { method?: string; qs?: Query; body?: object } = {}): Promise<T | undefined> {
    await this.#exists.once();
    return this.#server.ask<T>({ ...request, db: this.#name, path });
  }

  /** Looks before it creates: a user may be allowed to use a database and not to create one. */
  async #create(): Promise<void> {
    if (await this.#server.ask({ db: this.#name })) return;
    try {
      await this.#server.ask({ db: this.#name, method: "PUT" });
    } catch (error) {
      if (!(error instanceof HarvestError && error.code === "OWH_CONFLICT")) throw error; // another process was faster
    }
  }
}

interface AllDocsRow {
  readonly id: string;
  readonly doc?: CouchDocument | null;
}

function pathOf(id: string): string {
  return encodeURIComponent(id);
}

function fromCouch<T>({ _id, _rev, _attachments, ...rest }: CouchDocument): StoredDocument<T> {
  const body = Object.fromEntries(Object.entries(rest).filter(([field]) => !field.startsWith("_")));
  return { id: _id, rev: _rev, body: body as T };
}
