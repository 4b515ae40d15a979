/** A clock that jumps over every pause, so that deadlines of minutes pass in no time and always at the same point. */
import type { Clock } from "@openwhisk-harvest/core";

export interface VirtualClock extends Clock {
  readonly sleptMs: readonly number[];
}

export function virtualClock(startMs = 1_700_000_000_000): VirtualClock {
  let elapsedMs = 0;
  const sleptMs: number[] = [];
  return {
    sleptMs,
    nowMs: () => startMs + elapsedMs,
    monotonicMs: () => elapsedMs,
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      sleptMs.push(ms);
      elapsedMs += ms;
    },
  };
}
