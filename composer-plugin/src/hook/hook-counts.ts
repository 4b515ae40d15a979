/**
 * What the hook counts of its questions to the sidecar. A conductor's container has no metrics of its own, so the counts travel in
 * a header of the next question, and count as told once that question is answered.
 */

/** Stable names; the sidecar counts each under this label. */
export const HOOK_OUTCOMES = ["late", "failed", "refused", "skipped", "opened"] as const;
/**
 * late: a fork waited its deadline in vain. failed: no answer, or an error of the sidecar. refused: the sidecar refused the question.
 * skipped: not asked, because the breaker was open. opened: the breaker has opened.
 */
export type HookOutcome = (typeof HOOK_OUTCOMES)[number];

export const HOOK_COUNTS_HEADER = "x-harvest-hook";

export type Counts = Readonly<Partial<Record<HookOutcome, number>>>;

export class HookCounts {
  #counts: Partial<Record<HookOutcome, number>> = {};

  add(outcome: HookOutcome, count = 1): void {
    this.#counts[outcome] = (this.#counts[outcome] ?? 0) + count;
  }

  /** Everything counted since the last time; it is the caller's now. */
  take(): Counts {
    const taken = this.#counts;
    this.#counts = {};
    return taken;
  }

  /** What was taken and could not be told. */
  putBack(counts: Counts): void {
    for (const outcome of HOOK_OUTCOMES) {
      const count = counts[outcome];
      if (count !== undefined) this.add(outcome, count);
    }
  }
}

/** `late=2,skipped=17`; undefined when there is nothing to tell. */
export function countsHeader(counts: Counts): string | undefined {
  const told = HOOK_OUTCOMES.flatMap((outcome) => (counts[outcome] === undefined ? [] : [`${outcome}=${counts[outcome]}`]));
  return told.length === 0 ? undefined : told.join(",");
}
