/**
 * Wakes a hold when time alone changes something (hold.ts, nextTickMs), whatever its sampler does: a donor gets its CPU back at half of
 * its time limit, and a hold whose end was lost expires (H5).
 */
import { CALLED_OFF, type Clock } from "@openwhisk-harvest/core";
import { type Hold, nextTickMs } from "./hold.js";

interface Armed {
  readonly atMs: number;
  readonly callOff: AbortController;
}

export class HoldTimer {
  readonly #clock: Clock;
  readonly #onDue: (atMs: number) => void;
  #armed: Armed | undefined;

  /** `onDue` is called with the clock's monotonic time, to be told to the hold as its `tick`. It must not throw. */
  constructor(clock: Clock, onDue: (atMs: number) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** To be called with each state of the hold, the last one (`over`) included. */
  follow(hold: Hold): void {
    const atMs = nextTickMs(hold);
    if (this.#armed?.atMs === atMs) return;
    this.#armed?.callOff.abort(CALLED_OFF);
    this.#armed = undefined;
    if (!Number.isFinite(atMs)) return;
    const armed: Armed = { atMs, callOff: new AbortController() };
    this.#armed = armed;
    this.#clock.sleep(Math.max(0, atMs - this.#clock.monotonicMs()), armed.callOff.signal).then(
      () => this.#wake(armed),
      () => undefined, // called off
    );
  }

  #wake(armed: Armed): void {
    if (this.#armed !== armed) return;
    this.#armed = undefined;
    this.#onDue(this.#clock.monotonicMs());
  }
}
