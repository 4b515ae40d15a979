/**
 * The two calls of the decision path that Redis answers, behind one circuit breaker: after FAILURES in a row Redis is not asked
 * for HALF_OPEN_AFTER_MS, so that nobody waits for it while it is away (DESIGN, section 7). Then one call tries it again.
 */
import { type AllocationStore, HarvestError, type ModeSettings, type PublishedAllocation } from "@openwhisk-harvest/core";
import { BrokenCircuitError, type CircuitBreakerPolicy, CircuitState, ConsecutiveBreaker, circuitBreaker, handleWhen } from "cockatiel";
import type { SidecarMetrics } from "./metrics.js";

const FAILURES = 5;
export const HALF_OPEN_AFTER_MS = 2_000;

export class GuardedRedis {
  readonly #store: AllocationStore;
  readonly #metrics: SidecarMetrics;
  readonly #breaker: CircuitBreakerPolicy;

  constructor(store: AllocationStore, metrics: SidecarMetrics) {
    this.#store = store;
    this.#metrics = metrics;
    const isOutage = handleWhen((error) => !(error instanceof HarvestError && error.class === "rejected"));
    this.#breaker = circuitBreaker(isOutage, { halfOpenAfter: HALF_OPEN_AFTER_MS, breaker: new ConsecutiveBreaker(FAILURES) });
    this.#breaker.onStateChange((state) => metrics.breakerIs(state === CircuitState.Open ? "open" : "closed"));
  }

  /** OWH_STORE_UNAVAILABLE when Redis does not answer, at once while the breaker is open. */
  modes(): Promise<ModeSettings> {
    return this.#ask("modes", () => this.#store.modes());
  }

  /** OWH_STORE_UNAVAILABLE likewise. */
  publish(root: string, fields: Readonly<Record<string, PublishedAllocation>>): Promise<void> {
    return this.#ask("publish", () => this.#store.publish(root, fields));
  }

  async #ask<T>(operation: "modes" | "publish", work: () => Promise<T>): Promise<T> {
    try {
      return await this.#breaker.execute(work);
    } catch (error) {
      this.#metrics.storeFailed("redis", operation);
      if (!(error instanceof BrokenCircuitError)) throw error;
      throw new HarvestError("OWH_STORE_UNAVAILABLE", "Redis did not answer lately and is not asked for a moment.", { cause: error });
    }
  }
}
