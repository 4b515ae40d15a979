/**
 * What the hook counts of its questions to the sidecar. A conductor's container has no metrics of its own, so the counts travel in a
 * header of the next question: `late=2,skipped=17`. They come out of users' containers and are believed as little as anything there.
 */

/** Stable names, each a label of the sidecar's metrics. */
export const HOOK_OUTCOMES = ["late", "failed", "refused", "skipped", "opened"] as const;
/**
 * late: a fork waited its deadline in vain. failed: no answer, or an error of the sidecar. refused: the sidecar refused the question.
 * skipped: not asked, because the breaker was open. opened: the breaker has opened.
 */
export type HookOutcome = (typeof HOOK_OUTCOMES)[number];
export type HookCounts = Readonly<Partial<Record<HookOutcome, number>>>;

export const HOOK_COUNTS_HEADER = "x-harvest-hook";

/** More than a container can have counted between two answers counts as this. */
const MAX_COUNT = 10_000;

/** Undefined when there is nothing to tell. */
export function formatHookCounts(counts: HookCounts): string | undefined {
  const told = HOOK_OUTCOMES.flatMap((outcome) => (counts[outcome] === undefined ? [] : [`${outcome}=${counts[outcome]}`]));
  return told.length === 0 ? undefined : told.join(",");
}

/** What can be read of a header; nothing for anything else. */
export function parseHookCounts(header: unknown): HookCounts {
  if (typeof header !== "string" || header.length > 200) return {};
  const counts: Partial<Record<HookOutcome, number>> = {};
  for (const part of header.split(",")) {
    const [, name, count] = /^([a-z]+)=(\d{1,9})$/.exec(part) ?? [];
    const outcome = HOOK_OUTCOMES.find((one) => one === name);
    if (outcome) counts[outcome] = Math.min(Number(count), MAX_COUNT);
  }
  return counts;
}
