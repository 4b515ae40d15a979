/** Remembers which run keys have been applied, so that a key that is shown twice, by a copy or by a cheat, counts once. */
import { type Clock, RecentMap } from "@openwhisk-harvest/core";

/** 100,000 keys of an hour are 28 harvested runs a second for ever, in 20 MB. */
const MAX_KEYS = 100_000;

export class UsedKeys {
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #used: RecentMap<true>;

  /** `ttlMs`: after so long the allocation itself has expired, and with it what the key could open. The oldest is forgotten first. */
  constructor(ttlMs: number, clock: Pick<Clock, "monotonicMs">, maxEntries = MAX_KEYS) {
    this.#clock = clock;
    this.#used = new RecentMap({ ttlMs, maxEntries });
  }

  /** True the first time. */
  use(key: string): boolean {
    const nowMs = this.#clock.monotonicMs();
    if (this.#used.get(key, nowMs)) return false;
    this.#used.set(key, true, nowMs);
    return true;
  }
}
