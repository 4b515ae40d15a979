/**
 * All keys with their values and expiry times. A key whose time has come is gone: for whichever session asks (lazily),
 * and from memory within a sweep. Its going is reported, so that the append-only file has it at its place among the
 * writes.
 */
import { type Value, type ValueOf, wrongType } from "./values.js";

interface Entry {
  readonly value: Value;
  expiresAtMs: number | undefined;
}

export interface KeyspaceOptions {
  readonly nowMs: () => number;
  readonly onExpired: (key: string) => void;
}

export class Keyspace {
  readonly #entries = new Map<string, Entry>();
  /** The keys that have an expiry time. */
  readonly #mortal = new Set<string>();
  readonly #options: KeyspaceOptions;
  #sweepAt = this.#mortal.values();
  /** Set while the append-only file is replayed: there every expiry is a recorded deletion. */
  replaying = false;

  constructor(options: KeyspaceOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  get mortalCount(): number {
    return this.#mortal.size;
  }

  get(key: string): Value | undefined {
    return this.#living(key)?.value;
  }

  /** The value, which must be of that type if there is one. */
  typed<T extends Value["type"]>(key: string, type: T): ValueOf<T> | undefined {
    const value = this.get(key);
    if (value && value.type !== type) throw wrongType();
    return value as ValueOf<T> | undefined;
  }

  /** Puts a new value at a key, without an expiry time. */
  set(key: string, value: Value): void {
    this.#entries.set(key, { value, expiresAtMs: undefined });
    this.#mortal.delete(key);
  }

  delete(key: string): boolean {
    const existed = this.#living(key) !== undefined;
    this.#remove(key);
    return existed;
  }

  rename(from: string, to: string): boolean {
    const entry = this.#living(from);
    if (!entry) return false;
    this.#remove(from);
    this.set(to, entry.value);
    if (entry.expiresAtMs !== undefined) this.expireAt(to, entry.expiresAtMs);
    return true;
  }

  /** Undefined when the key does not exist or lives for ever. */
  expiresAtMs(key: string): number | undefined {
    return this.#living(key)?.expiresAtMs;
  }

  expireAt(key: string, atMs: number): boolean {
    const entry = this.#living(key);
    if (!entry) return false;
    entry.expiresAtMs = atMs;
    this.#mortal.add(key);
    return true;
  }

  /** Looks at up to `count` of the mortal keys, going on where the last sweep ended. */
  sweep(count: number): void {
    for (let looked = 0; looked < count; looked++) {
      const { value: key, done } = this.#sweepAt.next();
      if (done) {
        this.#sweepAt = this.#mortal.values();
        return;
      }
      this.#living(key);
    }
  }

  *entries(): Iterable<{ key: string; value: Value; expiresAtMs: number | undefined }> {
    for (const key of [...this.#entries.keys()]) {
      const entry = this.#living(key);
      if (entry) yield { key, ...entry };
    }
  }

  #living(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry?.expiresAtMs === undefined || this.replaying || entry.expiresAtMs > this.#options.nowMs()) return entry;
    this.#remove(key);
    this.#options.onExpired(key);
    return undefined;
  }

  #remove(key: string): void {
    this.#entries.delete(key);
    this.#mortal.delete(key);
  }
}
