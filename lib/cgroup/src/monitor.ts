/**
 * The resource monitor (paper, Algorithm 1): samples one group for as long as a run lasts. The arithmetic is in usage.ts.
 *
 * A reading that fails ends nothing: it is tried again after a pause that doubles each time. It is told once, and not at once: a
 * container that has died takes its group with it, and its end is told soon enough.
 */
import { type Clock, HarvestError, systemClock } from "@openwhisk-harvest/core";
import type { ContainerGroup } from "./group.js";
import { everyPeriod } from "./ticker.js";
import { type Usage, UsageAccumulator, type UsageSoFar } from "./usage.js";

export interface MonitorOptions {
  /** Time between two samples; bench.ts measures what it costs. Monitors of one period wake up together, so the first is shorter. */
  readonly periodMs: number;
  /** At least 100 (one CFS period); OWH_BAD_CONFIG otherwise. */
  readonly windowMs: number;
  readonly clock?: Clock;
  /** Hears of every sample while the run lasts, the first and the last included. Must not throw. */
  readonly onSample?: (soFar: UsageSoFar) => void;
  /** Hears of a group that could not be read for half a second, once for each monitor. Must not throw. */
  readonly onFailure?: (error: HarvestError) => void;
}

export interface Monitor {
  /**
   * Takes a last sample, ends the sampling, and says what was used since the start; up to the last good sample, when the last reading
   * fails. Undefined when the reading at the start failed: what was used before the first good sample is not known. Later calls repeat
   * the answer.
   */
  stop(): Usage | undefined;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
/** An engine has said by then that a container has died. */
const TOLD_AFTER_MS = 500;

/** Takes the first sample at once. */
export function startMonitor(group: Pick<ContainerGroup, "read">, options: MonitorOptions): Monitor {
  if (!(options.periodMs > 0))
    throw new HarvestError("OWH_BAD_CONFIG", `The sampling period is a positive number of ms, not ${options.periodMs}.`);
  return new SamplingMonitor(group, options);
}

class SamplingMonitor implements Monitor {
  readonly #group: Pick<ContainerGroup, "read">;
  readonly #options: MonitorOptions;
  readonly #clock: Clock;
  readonly #usage: UsageAccumulator;
  readonly #isWhole: boolean;
  #isTold = false;
  #failingSinceMs: number | undefined;
  #pauseMs = FIRST_PAUSE_MS;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;
  #endTicks: (() => void) | undefined;

  constructor(group: Pick<ContainerGroup, "read">, options: MonitorOptions) {
    const { clock = systemClock, periodMs, windowMs } = options;
    this.#group = group;
    this.#options = options;
    this.#clock = clock;
    this.#usage = new UsageAccumulator(windowMs);
    this.#isWhole = this.#sample();
    this.#endTicks = everyPeriod(clock, periodMs, () => {
      if (clock.monotonicMs() >= this.#pausedUntilMs) this.#sample();
    });
  }

  stop(): Usage | undefined {
    if (this.#endTicks) this.#sample();
    this.#endTicks?.();
    this.#endTicks = undefined;
    return this.#isWhole ? this.#usage.result() : undefined;
  }

  /** Whether the group could be read. */
  #sample(): boolean {
    let soFar: UsageSoFar;
    try {
      soFar = this.#usage.add(this.#group.read("usage"));
    } catch (error) {
      if (!(error instanceof HarvestError)) throw error;
      this.#pause(error);
      return false;
    }
    this.#failingSinceMs = undefined;
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#options.onSample?.(soFar);
    return true;
  }

  #pause(error: HarvestError): void {
    const nowMs = this.#clock.monotonicMs();
    this.#failingSinceMs ??= nowMs;
    this.#pausedUntilMs = nowMs + this.#pauseMs;
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
    if (this.#isTold || nowMs - this.#failingSinceMs < TOLD_AFTER_MS) return;
    this.#isTold = true;
    this.#options.onFailure?.(error);
  }
}
