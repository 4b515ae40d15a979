/**
 * Which invoker holds the data of a composition (paper, Algorithm 2, CompositionCache): `cause` -> invoker.
 * Bounded (the least recently used entry goes first), entries expire a while after their last use, and an invoker that
 * becomes unhealthy is forgotten at once.
 */
import type { Clock } from "@openwhisk-harvest/core";

export interface CompositionCacheOptions {
  readonly clock: Pick<Clock, "monotonicMs">;
  /** Entries kept at most; the default serves 1,000 activations a second of compositions that last 10 s. */
  readonly maxEntries?: number;
  /** How long after its last use an entry is good. */
  readonly ttlMs?: number;
}

interface Entry {
  readonly invoker: number;
  readonly usedAtMs: number;
}

export class CompositionCache {
  readonly #entries = new Map<string, Entry>();
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #maxEntries: number;
  readonly #ttlMs: number;

  constructor({ clock, maxEntries = 10_000, ttlMs = 600_000 }: CompositionCacheOptions) {
    this.#clock = clock;
    this.#maxEntries = maxEntries;
    this.#ttlMs = ttlMs;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The cached invoker, if the entry has not expired. Does not count as a use. */
  lookup(cause: string | undefined): number | undefined {
    if (cause === undefined) return undefined;
    const entry = this.#entries.get(cause);
    if (entry && this.#clock.monotonicMs() - entry.usedAtMs <= this.#ttlMs) return entry.invoker;
    this.#entries.delete(cause);
    return undefined;
  }

  /** Caches the invoker, or renews its entry. */
  remember(cause: string, invoker: number): void {
    this.#entries.delete(cause);
    this.#entries.set(cause, { invoker, usedAtMs: this.#clock.monotonicMs() });
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#maxEntries) break;
      this.#entries.delete(oldest);
    }
  }

  forgetInvoker(invoker: number): void {
    for (const [cause, entry] of this.#entries) if (entry.invoker === invoker) this.#entries.delete(cause);
  }
}
