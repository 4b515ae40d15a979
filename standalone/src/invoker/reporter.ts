/**
 * Tells Redis what was seen, and nobody waits for it (architecture, 7: "Redis down: nobody waits"). Reports beyond a bound are
 * dropped, so that a Redis that hangs costs no memory; what is lost is counted and said now and then.
 */
import { type AllocationStore, type Clock, messageOf, type Observation, type RunEvent } from "@openwhisk-harvest/core";
import type { Logger } from "../container/logger.js";

/** Each report is below 1 KiB. */
const MAX_IN_FLIGHT = 1_000;
const MIN_MS_BETWEEN_WARNINGS = 10_000;

export type ReportStore = Pick<AllocationStore, "putObservation" | "appendEvent">;

export class Reporter {
  readonly #store: ReportStore | undefined;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #inFlight = 0;
  #lost = 0;
  #lastWarningMs = Number.NEGATIVE_INFINITY;

  constructor(store: ReportStore | undefined, { clock, logger }: { clock: Clock; logger: Logger }) {
    this.#store = store;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Reports that did not reach Redis since the start. */
  get lost(): number {
    return this.#lost;
  }

  observation(observation: Observation): void {
    this.#send((store) => store.putObservation(observation));
  }

  event(event: RunEvent): void {
    this.#send((store) => store.appendEvent(event));
  }

  #send(write: (store: ReportStore) => Promise<void>): void {
    if (!this.#store) return;
    if (this.#inFlight >= MAX_IN_FLIGHT) {
      this.#lose(new Error(`${MAX_IN_FLIGHT} reports are under way`));
      return;
    }
    this.#inFlight++;
    write(this.#store)
      .catch((error) => this.#lose(error))
      .finally(() => {
        this.#inFlight--;
      });
  }

  #lose(error: unknown): void {
    this.#lost++;
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#lastWarningMs < MIN_MS_BETWEEN_WARNINGS) return;
    this.#lastWarningMs = nowMs;
    this.#logger.warn({ lost: this.#lost, error: messageOf(error) }, "Observations and events do not reach Redis.");
  }
}
