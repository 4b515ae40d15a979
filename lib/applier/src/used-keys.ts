/** Remembers which run keys have been applied, so that a key that is shown twice, by a copy or by a cheat, counts once. */
import type { Clock } from "@openwhisk-harvest/core";

/** 100,000 keys of an hour are 28 harvested runs a second for ever, in 20 MB. */
const MAX_KEYS = 100_000;

export class UsedKeys {
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #ttlMs: number;
  readonly #maxKeys: number;
  /** Key -> expiry; a Map keeps the order of insertion, which is that of expiry. */
  readonly #expiries = new Map<string, number>();

  /** `ttlMs`: after so long the allocation itself has expired, and with it what the key could open. The oldest is forgotten first. */
  constructor(ttlMs: number, clock: Pick<Clock, "monotonicMs">, maxKeys = MAX_KEYS) {
    this.#ttlMs = ttlMs;
    this.#clock = clock;
    this.#maxKeys = maxKeys;
  }

  /** True the first time. */
  use(key: string): boolean {
    const nowMs = this.#clock.monotonicMs();
    if ((this.#expiries.get(key) ?? 0) > nowMs) return false;
    this.#expiries.delete(key);
    for (const [oldest, expiryMs] of this.#expiries) {
      if (expiryMs > nowMs && this.#expiries.size < this.#maxKeys) break;
      this.#expiries.delete(oldest);
    }
    this.#expiries.set(key, nowMs + this.#ttlMs);
    return true;
  }
}
