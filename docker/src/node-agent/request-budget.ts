/** How many requests of one container are answered: a token bucket each, so that one that floods costs the others nothing. */
import type { Clock } from "@openwhisk-harvest/core";

/** A bucket holds what may come in so long: a run that ends and the next that begins are several requests at once. */
const BURST_MS = 250;

export class RequestBudget {
  readonly #perMs: number;
  readonly #capacity: number;
  readonly #clock: Pick<Clock, "monotonicMs">;
  #tokens: number;
  #atMs: number;

  constructor(requestsPerSecond: number, clock: Pick<Clock, "monotonicMs">) {
    this.#perMs = requestsPerSecond / 1_000;
    this.#capacity = Math.max(1, this.#perMs * BURST_MS);
    this.#clock = clock;
    this.#tokens = this.#capacity;
    this.#atMs = clock.monotonicMs();
  }

  /** False when this request is one too many. */
  take(): boolean {
    const nowMs = this.#clock.monotonicMs();
    this.#tokens = Math.min(this.#capacity, this.#tokens + (nowMs - this.#atMs) * this.#perMs);
    this.#atMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
