import { setImmediate } from "node:timers/promises";

/** Work may go on so long before the event loop has its next turn. */
const TURN_MS = 5;

/** Cuts long work into turns of the event loop, so that it holds up nothing else. */
export class Turns {
  #startMs = performance.now();

  /** To be awaited between two steps. */
  async next(): Promise<void> {
    if (performance.now() - this.#startMs < TURN_MS) return;
    await setImmediate();
    this.#startMs = performance.now();
  }
}
