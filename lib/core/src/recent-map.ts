export interface RecentMapOptions {
  readonly maxEntries: number;
  /** How long after its last use an entry is good. @defaultValue for ever */
  readonly ttlMs?: number;
}

interface Entry<V> {
  readonly value: V;
  readonly usedAtMs: number;
}

/** A map that forgets: the entry that was used longest ago when there are too many, and each a while after its last use. */
export class RecentMap<V> {
  /** In the order of their last uses. */
  readonly #entries = new Map<string, Entry<V>>();
  readonly #maxEntries: number;
  readonly #ttlMs: number;

  constructor({ maxEntries, ttlMs = Number.POSITIVE_INFINITY }: RecentMapOptions) {
    this.#maxEntries = maxEntries;
    this.#ttlMs = ttlMs;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Does not count as a use. `nowMs` is of any clock that the map is always asked by. */
  get(key: string, nowMs = 0): V | undefined {
    const entry = this.#entries.get(key);
    if (entry && this.#isGood(entry, nowMs)) return entry.value;
    this.#entries.delete(key);
    return undefined;
  }

  /** Sets the value, or renews it. */
  set(key: string, value: V, nowMs = 0): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, usedAtMs: nowMs });
    for (const [oldest, entry] of this.#entries) {
      if (this.size <= this.#maxEntries && this.#isGood(entry, nowMs)) break;
      this.#entries.delete(oldest);
    }
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  /** Forgets all entries of which it is true. */
  deleteWhere(isGone: (value: V) => boolean): void {
    for (const [key, { value }] of this.#entries) if (isGone(value)) this.#entries.delete(key);
  }

  #isGood({ usedAtMs }: Entry<V>, nowMs: number): boolean {
    return nowMs - usedAtMs <= this.#ttlMs;
  }
}
