import type { Clock } from "./clock.js";

export interface TokenBucketOptions {
  readonly perSecond: number;
  /** The most that can be taken at once. */
  readonly capacity: number;
  readonly clock: Pick<Clock, "monotonicMs">;
}

/** A bound on a rate: a bucket that is full at first, is filled at the rate, and lets that be taken which is in it. */
export class TokenBucket {
  readonly #options: TokenBucketOptions;
  #tokens: number;
  #atMs: number;

  constructor(options: TokenBucketOptions) {
    this.#options = options;
    this.#tokens = options.capacity;
    this.#atMs = options.clock.monotonicMs();
  }

  /** False, and nothing is taken, when there are not so many in it now. */
  take(tokens = 1): boolean {
    const { perSecond, capacity, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    this.#tokens = Math.min(capacity, this.#tokens + ((nowMs - this.#atMs) / 1_000) * perSecond);
    this.#atMs = nowMs;
    if (this.#tokens < tokens) return false;
    this.#tokens -= tokens;
    return true;
  }
}
