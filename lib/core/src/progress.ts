/** The port through which long work tells how far it is. */

export interface Step {
  /** So much is done; `etaMs` is what is left, where it has been measured. */
  advance(done: number, etaMs?: number): void;
  finish(note?: string): void;
}

export interface Progress {
  /** Begins a step of `total` parts. */
  step(name: string, total: number): Step;
}
