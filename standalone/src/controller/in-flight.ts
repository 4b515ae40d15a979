/** What has been accepted from clients and has not ended, so that the server can wait for it when it closes. */
import { messageOf } from "@openwhisk-harvest/core";
import type { Logger } from "../container/logger.js";

export class InFlight {
  readonly #running = new Set<Promise<void>>();
  readonly #logger: Pick<Logger, "warn">;

  constructor(logger: Pick<Logger, "warn">) {
    this.#logger = logger;
  }

  get size(): number {
    return this.#running.size;
  }

  /** A failure is logged here, for a client that does not wait would not hear of it. */
  track(run: Promise<unknown>): void {
    const settled = run
      .then(
        () => undefined,
        (error: unknown) => this.#logger.warn({ reason: messageOf(error) }, "an accepted activation could not be run"),
      )
      .finally(() => this.#running.delete(settled));
    this.#running.add(settled);
  }

  /** Resolves when nothing runs and nothing waits. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }
}
