/**
 * A database of CouchDB (nano), made when it is missing. Its errors are ours and never carry the request: an address
 * may hold a password, a request the user's data.
 *
 * Quirks of nano 11: an id with `_local` in it goes out unescaped, so documents are addressed by `path`; a JSON answer
 * that is cut off resolves with "", which is refused here.
 */
import { HarvestError } from "@openwhisk-harvest/core";
import nano from "nano";

/** Longest wait for one answer, ms. Code of 48 MB, as base64, travels in one. */
const TIMEOUT_MS = 60_000;

export type ViewKey = string | readonly (string | number)[];
export type Query = Readonly<Record<string, ViewKey | number | boolean>>;

export interface CouchDocument extends Readonly<Record<string, unknown>> {
  readonly _id: string;
  readonly _rev?: string;
}

/** Of `_bulk_docs`: `rev` when it was written, `error` when not. */
export interface BulkRow {
  readonly id: string;
  readonly rev?: string;
  readonly error?: string;
}

export interface ViewRow {
  readonly value: unknown;
  readonly doc?: CouchDocument | null;
}

interface Request {
  readonly path?: string;
  readonly method?: "GET" | "PUT" | "POST";
  readonly qs?: Query;
  readonly body?: object;
}

export class CouchDatabase {
  readonly #nano: nano.ServerScope;
  /** The URL without its user and password. */
  readonly #where: string;
  readonly #name: string;

  private constructor(url: URL, name: string) {
    this.#where = `${url.protocol}//${url.host}`;
    this.#name = name;
    // A path belongs to the server's address and names no database. nano's types lack this option.
    this.#nano = nano({ url: url.href, parseUrl: false } as nano.Configuration) as nano.ServerScope;
  }

  /**
   * With these design documents, which are left alone when they are there. OWH_BAD_CONFIG for no URL,
   * OWH_STORE_UNAVAILABLE otherwise.
   */
  static async open(url: string, name: string, designs: Readonly<Record<string, object>> = {}): Promise<CouchDatabase> {
    const parsed = URL.canParse(url) ? new URL(url) : undefined;
    if (parsed?.protocol !== "http:" && parsed?.protocol !== "https:")
      throw new HarvestError("OWH_BAD_CONFIG", "The URL of CouchDB must begin with http:// or https://.");
    const database = new CouchDatabase(parsed, name);
    if (!(await database.#ask({}))) await database.#create({ method: "PUT" });
    for (const [id, body] of Object.entries(designs))
      if (!(await database.#ask({ path: `_design/${id}` }))) await database.#create({ path: `_design/${id}`, method: "PUT", body });
    return database;
  }

  get(id: string, qs: Query = {}): Promise<CouchDocument | undefined> {
    return this.#ask({ path: encodeURIComponent(id), qs });
  }

  /** Each document is written on its revision, or not at all. */
  async bulk(docs: readonly object[]): Promise<readonly BulkRow[]> {
    return (await this.#ask<BulkRow[]>({ path: "_bulk_docs", method: "POST", body: { docs } })) ?? [];
  }

  /** Of a view, or `_all_docs`; nano makes JSON of keys. */
  async rows(view: string, qs: Query): Promise<readonly ViewRow[]> {
    return (await this.#ask<{ rows: ViewRow[] }>({ path: view, qs }))?.rows ?? [];
  }

  /** Another process may be faster; then it is there, too. */
  async #create(request: Request): Promise<void> {
    try {
      await this.#ask(request);
    } catch (error) {
      if (!(error instanceof HarvestError && error.code === "OWH_CONFLICT")) throw error;
    }
  }

  /** Undefined when there is no such thing. */
  async #ask<T>(request: Request): Promise<T | undefined> {
    let answer: unknown;
    try {
      // nano passes `signal` on to fetch, though its types do not say so.
      answer = await this.#nano.request({ ...request, db: this.#name, signal: AbortSignal.timeout(TIMEOUT_MS) } as nano.RequestOptions);
    } catch (error) {
      const { statusCode, message } = error as { statusCode?: number; message: string };
      if (statusCode === 404) return undefined;
      if (statusCode === 409 || statusCode === 412)
        throw new HarvestError("OWH_CONFLICT", `${this.#name} has been changed by another writer.`);
      throw this.#unavailable(statusCode === undefined ? message : `status ${statusCode}, ${message}`);
    }
    if (typeof answer !== "object" || answer === null) throw this.#unavailable("its answer was cut off");
    return answer as T;
  }

  #unavailable(reason: string): HarvestError {
    return new HarvestError("OWH_STORE_UNAVAILABLE", `CouchDB at ${this.#where} cannot be used: ${reason}.`);
  }
}
