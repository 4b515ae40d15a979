/**
 * Time that only a test moves.
 *
 * clock.1  Wall clock and monotonic clock differ, as they do on a host: what takes one for the other shows.
 * clock.2  Sleepers wake in the order of their times, each at its own time, and what one wakes has run before time goes
 *     on.
 */
import type { Clock } from "@openwhisk-harvest/core";

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

export class HandClock implements Clock {
  readonly #startMs: number;
  #elapsedMs = 0;
  readonly #sleepers = new Set<Sleeper>();

  /** `startMs`: what the wall clock shows at first. */
  constructor(startMs = 1_700_000_000_000) {
    this.#startMs = startMs;
  }

  nowMs(): number {
    return this.#startMs + this.#elapsedMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  /** How many sleeps are under way. */
  get sleeping(): number {
    return this.#sleepers.size;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const callOff = () => {
        this.#sleepers.delete(sleeper);
        reject(signal?.reason);
      };
      const wake = () => {
        signal?.removeEventListener("abort", callOff);
        resolve();
      };
      const sleeper = { atMs: this.#elapsedMs + ms, wake };
      this.#sleepers.add(sleeper);
      signal?.addEventListener("abort", callOff, { once: true });
    });
  }

  /** Lets time pass, and resolves when all that is due has run. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#elapsedMs + ms;
    await settled();
    for (let next = this.#nextBefore(untilMs); next; next = this.#nextBefore(untilMs)) {
      this.#wake(next);
      await settled();
    }
    this.#elapsedMs = untilMs;
    await settled();
  }

  /** Lets time pass within one turn: what it wakes runs after the caller. */
  move(ms: number): void {
    const untilMs = this.#elapsedMs + ms;
    for (let next = this.#nextBefore(untilMs); next; next = this.#nextBefore(untilMs)) this.#wake(next);
    this.#elapsedMs = untilMs;
  }

  #nextBefore(untilMs: number): Sleeper | undefined {
    let next: Sleeper | undefined;
    for (const sleeper of this.#sleepers)
      if (sleeper.atMs <= untilMs && sleeper.atMs < (next?.atMs ?? Number.POSITIVE_INFINITY)) next = sleeper;
    return next;
  }

  #wake(sleeper: Sleeper): void {
    this.#elapsedMs = Math.max(this.#elapsedMs, sleeper.atMs);
    this.#sleepers.delete(sleeper);
    sleeper.wake();
  }
}

/** Jumps over every sleep, so that deadlines of minutes pass in no time and always at the same point. */
export class JumpingClock extends HandClock {
  /** Every sleep there was. */
  readonly sleptMs: number[] = [];

  override async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.sleptMs.push(ms);
    this.move(ms);
  }
}

/** Resolves when all that can run without time passing has had its turn. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
