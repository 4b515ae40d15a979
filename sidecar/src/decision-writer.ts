/**
 * Stores decisions off the response path. A bounded queue, written one after another; while the document store is away the
 * oldest waits and is tried again, ever more rarely. What finds the queue full is dropped and counted: a decision is a record
 * for people, and no run depends on it.
 */
import { type Clock, type Decision, type DecisionStore, HarvestError, messageOf } from "@openwhisk-harvest/core";
import type { Logger } from "pino";
import { withinDeadline } from "./deadline.js";
import type { SidecarMetrics } from "./metrics.js";

/** A decision about 8 functions is some 5 KB: at most 10 MB wait. */
const QUEUE_LENGTH = 2_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
/** A store that takes longer counts as away; storing a decision twice does no harm. */
const PUT_DEADLINE_MS = 5_000;

export interface DecisionWriterOptions {
  readonly store: DecisionStore;
  readonly clock: Clock;
  readonly metrics: SidecarMetrics;
  readonly logger: Logger;
  readonly queueLength?: number;
}

export class DecisionWriter {
  readonly #options: DecisionWriterOptions;
  readonly #queue: Decision[] = [];
  readonly #closing = new AbortController();
  #writing: Promise<void> | undefined;

  constructor(options: DecisionWriterOptions) {
    this.#options = options;
  }

  add(decision: Decision): void {
    const { metrics, queueLength = QUEUE_LENGTH } = this.#options;
    if (this.#closing.signal.aborted) metrics.recordDropped("closing");
    else if (this.#queue.length >= queueLength) metrics.recordDropped("queue-full");
    else {
      this.#queue.push(decision);
      this.#writing ??= this.#writeAll();
    }
  }

  /** Writes what waits, as long as the store takes it; what it does not take now is dropped. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    for (let pauseMs = FIRST_PAUSE_MS; this.#queue.length > 0; ) {
      const written = await this.#write(this.#queue[0] as Decision);
      if (written) {
        this.#queue.shift();
        pauseMs = FIRST_PAUSE_MS;
      } else if (this.#closing.signal.aborted) {
        for (const _ of this.#queue.splice(0)) this.#options.metrics.recordDropped("closing");
      } else {
        await this.#pause(pauseMs);
        pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
      }
    }
    this.#writing = undefined;
  }

  /** False when it should be tried again. */
  async #write(decision: Decision): Promise<boolean> {
    const { store, clock, metrics, logger } = this.#options;
    try {
      await withinDeadline(clock, PUT_DEADLINE_MS, "Storing a decision", store.put(decision));
      return true;
    } catch (error) {
      metrics.storeFailed("documents", "decision");
      const isRefused = error instanceof HarvestError && error.class === "rejected";
      logger.warn({ decision: decision.id, isRefused, reason: messageOf(error) }, "a decision could not be stored");
      if (isRefused) metrics.recordDropped("refused");
      return isRefused;
    }
  }

  async #pause(ms: number): Promise<void> {
    try {
      await this.#options.clock.sleep(ms, this.#closing.signal);
    } catch (error) {
      if (!this.#closing.signal.aborted) throw error;
    }
  }
}
