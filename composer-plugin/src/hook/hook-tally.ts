/** The hook's own tally of what it has yet to tell the sidecar (core, hook-counts.ts). */
import { HOOK_OUTCOMES, type HookCounts, type HookOutcome } from "./wire.js";

export class HookTally {
  #counts: Partial<Record<HookOutcome, number>> = {};

  add(outcome: HookOutcome, count = 1): void {
    this.#counts[outcome] = (this.#counts[outcome] ?? 0) + count;
  }

  /** Everything counted since the last time; it is the caller's now. */
  take(): HookCounts {
    const taken = this.#counts;
    this.#counts = {};
    return taken;
  }

  /** What was taken and could not be told. */
  putBack(counts: HookCounts): void {
    for (const outcome of HOOK_OUTCOMES) {
      const count = counts[outcome];
      if (count !== undefined) this.add(outcome, count);
    }
  }
}
