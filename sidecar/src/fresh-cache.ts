/**
 * A cache of what a document store holds, by key. It trades a bounded staleness for a decision path without store
 * calls.
 *
 *   age <= freshMs            the value is used as it is
 *   age <= 2 freshMs          it is used once more, while a newer one is looked for
 *   older, or never loaded    the caller waits for the store
 *
 * A failed look-up keeps the old value however old it is (requests go on while the store is away), or fails the callers
 * that wait. Either way the store is left alone for RETRY_MS. Callers that wait for one key share one look-up.
 */
import type { Clock } from "@openwhisk-harvest/core";

const RETRY_MS = 1_000;

export interface FreshCacheOptions<V> {
  readonly load: (key: string) => Promise<V | undefined>;
  readonly freshMs: number;
  /** Whether "there is none" is remembered, too. */
  readonly keepsAbsence: boolean;
  /** How many keys are remembered; the longest unrefreshed goes first. */
  readonly capacity: number;
  readonly clock: Clock;
  readonly onLoadFailed: (error: unknown) => void;
}

interface Entry<V> {
  value?: { readonly of: V | undefined; readonly loadedAtMs: number };
  failure?: { readonly error: unknown; readonly atMs: number };
  loading?: Promise<V | undefined>;
}

export class FreshCache<V> {
  readonly #options: FreshCacheOptions<V>;
  readonly #entries = new Map<string, Entry<V>>();

  constructor(options: FreshCacheOptions<V>) {
    this.#options = options;
  }

  /** Rejects with the loader's error when there is no value to fall back on. */
  async get(key: string): Promise<V | undefined> {
    const { freshMs, clock } = this.#options;
    const entry = this.#entryOf(key);
    const nowMs = clock.monotonicMs();
    const ageMs = entry.value ? nowMs - entry.value.loadedAtMs : Number.POSITIVE_INFINITY;
    if (entry.value && ageMs <= freshMs) return entry.value.of;
    if (entry.failure && nowMs - entry.failure.atMs < RETRY_MS) {
      if (entry.value) return entry.value.of;
      throw entry.failure.error;
    }
    entry.loading ??= this.#load(key, entry);
    return entry.value && ageMs <= 2 * freshMs ? entry.value.of : entry.loading;
  }

  /** The next get() asks the store; a look-up already under way is not remembered. */
  forget(key: string): void {
    this.#entries.delete(key);
  }

  /** Rejects only when the entry has no value, so a look-up that no caller waits for never does. */
  async #load(key: string, entry: Entry<V>): Promise<V | undefined> {
    const { load, clock, keepsAbsence, onLoadFailed } = this.#options;
    try {
      const loaded = await load(key);
      const isForgotten = this.#entries.get(key) !== entry;
      if (isForgotten) return loaded;
      this.#entries.delete(key); // and set anew, so that the map stays ordered by age
      if (loaded !== undefined || keepsAbsence) this.#entries.set(key, { value: { of: loaded, loadedAtMs: clock.monotonicMs() } });
      return loaded;
    } catch (error) {
      onLoadFailed(error);
      entry.failure = { error, atMs: clock.monotonicMs() };
      delete entry.loading;
      if (entry.value) return entry.value.of;
      throw error;
    }
  }

  #entryOf(key: string): Entry<V> {
    const known = this.#entries.get(key);
    if (known) return known;
    const entry: Entry<V> = {};
    this.#entries.set(key, entry);
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > this.#options.capacity && oldest !== undefined) this.#entries.delete(oldest);
    return entry;
  }
}
