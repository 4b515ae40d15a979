/** The seam for time and randomness. Production wires the system's, tests drive theirs by hand. */
import { setTimeout as sleep } from "node:timers/promises";

export interface Clock {
  /** Wall clock, ms since the epoch. */
  nowMs(): number;
  /** Never goes back; for durations. */
  monotonicMs(): number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: async (ms, signal) => {
    await sleep(ms, undefined, signal ? { signal } : {});
  },
};

export interface Rng {
  /** Uniform in [0, 1). */
  next(): number;
}

/** mulberry32: 32 bits of state, good enough to shuffle and to draw inputs; equal seeds give equal sequences everywhere. */
export function seededRng(seed: number): Rng {
  let state = seed >>> 0;
  return {
    next() {
      state = (state + 0x6d2b79f5) >>> 0;
      let t = state;
      t = Math.imul(t ^ (t >>> 15), t | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    },
  };
}
