/** The two calls of the decision path that Redis answers, behind one circuit breaker. */
import type { AllocationStore, ModeSettings, PublishedAllocation } from "@openwhisk-harvest/core";
import { Breaker } from "./breaker.js";
import type { SidecarMetrics } from "./metrics.js";

export class GuardedRedis {
  readonly #store: AllocationStore;
  readonly #metrics: SidecarMetrics;
  readonly #breaker: Breaker;

  constructor(store: AllocationStore, metrics: SidecarMetrics) {
    this.#store = store;
    this.#metrics = metrics;
    this.#breaker = new Breaker("Redis", (state) => metrics.breakerIs("redis", state));
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
      return await this.#breaker.run(work);
    } catch (error) {
      this.#metrics.storeFailed("redis", operation);
      throw error;
    }
  }
}
