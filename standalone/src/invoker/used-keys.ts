/** Remembers which run keys have been applied, so that a key that is shown twice, by a copy or by a cheat, counts once. */
import type { Clock } from "@openwhisk-harvest/core";

export interface UsedKeysOptions {
  readonly clock: Clock;
  /** After so long the allocation itself has expired, and with it what the key could open. */
  readonly ttlMs: number;
  /** At some 150 bytes a key. The oldest is forgotten first. */
  readonly maxKeys: number;
}

export class UsedKeys {
  readonly #options: UsedKeysOptions;
  /** Key -> expiry; a Map keeps the order of insertion, which is that of expiry. */
  readonly #expiries = new Map<string, number>();

  constructor(options: UsedKeysOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#expiries.size;
  }

  /** True the first time. */
  use(key: string): boolean {
    const nowMs = this.#options.clock.monotonicMs();
    for (const [oldest, expiryMs] of this.#expiries) {
      if (expiryMs > nowMs && this.#expiries.size < this.#options.maxKeys) break;
      this.#expiries.delete(oldest);
    }
    if (this.#expiries.has(key)) return false;
    this.#expiries.set(key, nowMs + this.#options.ttlMs);
    return true;
  }
}
