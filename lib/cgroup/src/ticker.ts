/**
 * One timer for all that are to be called at the same period: a wake-up of the event loop costs about as much as a
 * sample, and a node samples many containers.
 */
import type { Clock } from "@openwhisk-harvest/core";

const tickers = new WeakMap<Clock, Map<number, Ticker>>();

/**
 * Calls `tick` every `periodMs`, for the first time within one period, until the function that it returns is called.
 */
export function everyPeriod(clock: Clock, periodMs: number, tick: () => void): () => void {
  const ofClock = tickers.get(clock) ?? new Map<number, Ticker>();
  tickers.set(clock, ofClock);
  const ticker = ofClock.get(periodMs) ?? new Ticker(clock, periodMs);
  ofClock.set(periodMs, ticker);
  ticker.add(tick);
  return () => {
    if (ticker.remove(tick)) ofClock.delete(periodMs);
  };
}

class Ticker {
  readonly #ticks = new Set<() => void>();

  constructor(clock: Clock, periodMs: number) {
    this.#loop(clock, periodMs).catch((error: unknown) => {
      throw error;
    });
  }

  add(tick: () => void): void {
    this.#ticks.add(tick);
  }

  /**
   * True when no callback is left; then it stops for good at its next wake-up, for a sleep that can be broken off costs
   * twice as much.
   */
  remove(tick: () => void): boolean {
    this.#ticks.delete(tick);
    return this.#ticks.size === 0;
  }

  async #loop(clock: Clock, periodMs: number): Promise<void> {
    do {
      await clock.sleep(periodMs);
      for (const tick of this.#ticks) tick();
    } while (this.#ticks.size > 0);
  }
}
