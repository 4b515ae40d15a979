/** For what is done once for minutes or hours of work, an operator's change or a profiler's, and never on the path of a run. */
import type { Clock } from "./clock.js";
import { HarvestError } from "./errors.js";

/** A restart of Redis is over by then, and the person who waits for a first answer is still there. */
const PATIENCE_MS = 10_000;
const PAUSE_MS = 200;

/**
 * Tries `work` again for a while when it fails with an error of class `retryable`: a Redis on a busy machine may be late now and then. `work` has to be
 * something that may be done twice.
 */
export async function patiently<T>(clock: Clock, work: () => Promise<T>): Promise<T> {
  const untilMs = clock.monotonicMs() + PATIENCE_MS;
  for (;;)
    try {
      return await work();
    } catch (error) {
      const mayPass = error instanceof HarvestError && error.class === "retryable";
      if (!mayPass || clock.monotonicMs() >= untilMs) throw error;
      await clock.sleep(PAUSE_MS);
    }
}
