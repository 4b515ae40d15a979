import { setTimeout as sleep } from "node:timers/promises";

/** Far beyond what anything here needs, for the machine may be busy: a test that fails waits once, and one that passes never so long. */
const WITHIN_MS = 60_000;
/** Looks are this share of the time waited so far apart, so that a short wait ends in time and a long one takes no CPU. */
const PAUSE_SHARE = 0.02;
const LONGEST_PAUSE_MS = 100;

/**
 * Looks until there is something (neither undefined nor false), and resolves with it. Rejects with what was waited for when there is nothing
 * within `withinMs`, and at once with what `look` throws.
 */
export async function eventually<T>(
  look: () => T | undefined | false | Promise<T | undefined | false>,
  what: string,
  withinMs = WITHIN_MS,
): Promise<T> {
  const startMs = performance.now();
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    const waitedMs = performance.now() - startMs;
    if (waitedMs > withinMs) throw new Error(`Not within ${withinMs} ms: ${what}`);
    await sleep(Math.min(LONGEST_PAUSE_MS, 1 + PAUSE_SHARE * waitedMs));
  }
}
