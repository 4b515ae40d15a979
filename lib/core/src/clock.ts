/** The seam for time and randomness. Production wires the system's, tests drive theirs by hand. */
export interface Clock {
  /** Wall clock, ms since the epoch. */
  nowMs(): number;
  /** Never goes back; for durations. */
  monotonicMs(): number;
  /** Rejects with the signal's reason when it is called off. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** A reason for `abort` that costs nothing: without one, each abort makes an exception with its stack, which hot paths would feel. */
export const CALLED_OFF = new Error("called off");

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const callOff = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", callOff);
        resolve();
      }, ms);
      signal?.addEventListener("abort", callOff, { once: true });
    }),
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
