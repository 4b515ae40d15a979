/**
 * Tells Redis what was seen, and no run waits for it. Reports beyond a bound are dropped, so that a Redis that hangs costs no memory; what
 * is lost is counted, and said now and then.
 */
import { type AllocationStore, type Clock, type Logger, messageOf, type Observation, type RunEvent } from "@openwhisk-harvest/core";

/** Each report is below 4 KiB. */
const MAX_IN_FLIGHT = 1_000;
const MIN_MS_BETWEEN_WARNINGS = 10_000;

export type ReportStore = Pick<AllocationStore, "putObservation" | "appendEvent">;

export class Reporter {
  readonly #store: ReportStore | undefined;
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #logger: Logger;
  readonly #inFlight = new Set<Promise<void>>();
  #lost = 0;
  #lastWarningMs = Number.NEGATIVE_INFINITY;

  /** Without a store nothing is told. */
  constructor(store: ReportStore | undefined, { clock, logger }: { clock: Pick<Clock, "monotonicMs">; logger: Logger }) {
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

  /** When all that is under way has arrived, or is lost. */
  async settled(): Promise<void> {
    await Promise.all(this.#inFlight);
  }

  #send(write: (store: ReportStore) => Promise<void>): void {
    if (!this.#store) return;
    if (this.#inFlight.size >= MAX_IN_FLIGHT) {
      this.#lose(new Error(`${MAX_IN_FLIGHT} reports are under way`));
      return;
    }
    const sending: Promise<void> = write(this.#store)
      .catch((error: unknown) => this.#lose(error))
      .finally(() => this.#inFlight.delete(sending));
    this.#inFlight.add(sending);
  }

  #lose(error: unknown): void {
    this.#lost++;
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#lastWarningMs < MIN_MS_BETWEEN_WARNINGS) return;
    this.#lastWarningMs = nowMs;
    this.#logger.warn({ lost: this.#lost, error: messageOf(error) }, "Observations and events do not reach Redis.");
  }
}
