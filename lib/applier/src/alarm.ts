/** Wakes one waiting party at the time that it named last. */
import { CALLED_OFF, type Clock } from "@openwhisk-harvest/core";

interface Armed {
  readonly atMs: number;
  readonly callOff: AbortController;
}

export class Alarm {
  readonly #clock: Clock;
  readonly #onDue: (atMs: number) => void;
  #armed: Armed | undefined;

  /** `onDue` is called with the clock's monotonic time, and must not throw. */
  constructor(clock: Clock, onDue: (atMs: number) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** Infinity for never. A time that is set already costs nothing. */
  set(atMs: number): void {
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
