/** Remembers which run keys have been applied, so that a key that is shown twice, by a copy or by a cheat, counts once. */
import type { Clock } from "@openwhisk-harvest/core";

/** Some 20 MB. The oldest is forgotten first. */
const MAX_KEYS = 100_000;

export class UsedKeys {
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #ttlMs: number;
  /** Key -> expiry; a Map keeps the order of insertion, which is that of expiry. */
  readonly #expiries = new Map<string, number>();

  /** `ttlMs`: after so long the allocation itself has expired. */
  constructor(ttlMs: number, clock: Pick<Clock, "monotonicMs">) {
    this.#ttlMs = ttlMs;
    this.#clock = clock;
  }

  /** True the first time. */
  use(key: string): boolean {
    const nowMs = this.#clock.monotonicMs();
    for (const [oldest, expiryMs] of this.#expiries) {
      if (expiryMs > nowMs && this.#expiries.size < MAX_KEYS) break;
      this.#expiries.delete(oldest);
    }
    if (this.#expiries.has(key)) return false;
    this.#expiries.set(key, nowMs + this.#ttlMs);
    return true;
  }
}
