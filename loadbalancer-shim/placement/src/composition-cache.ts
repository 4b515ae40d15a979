/**
 * Which invoker holds the data of a composition (paper, Algorithm 2, CompositionCache): `cause` -> invoker.
 * Bounded (the least recently used entry goes first), entries expire a while after their last use, and an invoker that
 * becomes unhealthy is forgotten at once.
 */
import { type Clock, RecentMap } from "@openwhisk-harvest/core";

export interface CompositionCacheOptions {
  readonly clock: Pick<Clock, "monotonicMs">;
  /** Entries kept at most; the default serves 1,000 activations a second of compositions that last 10 s. */
  readonly maxEntries?: number;
  /** How long after its last use an entry is good. */
  readonly ttlMs?: number;
}

export class CompositionCache {
  readonly #invokers: RecentMap<number>;
  readonly #clock: Pick<Clock, "monotonicMs">;

  constructor({ clock, maxEntries = 10_000, ttlMs = 600_000 }: CompositionCacheOptions) {
    this.#clock = clock;
    this.#invokers = new RecentMap({ maxEntries, ttlMs });
  }

  get size(): number {
    return this.#invokers.size;
  }

  /** The cached invoker, if the entry has not expired. Does not count as a use. */
  lookup(cause: string | undefined): number | undefined {
    return cause === undefined ? undefined : this.#invokers.get(cause, this.#clock.monotonicMs());
  }

  /** Caches the invoker, or renews its entry. */
  remember(cause: string, invoker: number): void {
    this.#invokers.set(cause, invoker, this.#clock.monotonicMs());
  }

  forgetInvoker(invoker: number): void {
    this.#invokers.deleteWhere((cached) => cached === invoker);
  }
}
