/**
 * How long the shim waits, so that a controller always hears from it before it gives up by itself (openwhisk-protocol, 2.7).
 *
 * Rules, cited by the tests:
 * deadlines.D1  A new run waits for room for `queueDeadlineMs`; twice as long when no client waits for it.
 * deadlines.D2  A step of a run that has begun, a composition's or a sequence's, waits as long as its controller does: the action's time
 *     limit and 60 s. A branch does not wait beyond the end of its stage, when its parent says when that is.
 * deadlines.D3  An end that no invoker tells is taken for a failure before the controller does: after twice the action's time limit and
 *     60 s, where a limit below 60 s counts as 60 s.
 */
import type { ActionFacts } from "./events.js";

const STANDARD_TIMEOUT_MS = 60_000;
/** How long before the controller's time is over its activation's failure is told. */
const MARGIN_MS = 10_000;

export interface Waiting {
  readonly publishedMs: number;
  readonly blocking: boolean;
  /** A step of a composition or of a sequence that has begun. */
  readonly isStep: boolean;
  /** In a branch of ours: epoch ms of the end of its stage. */
  readonly stageEndMs?: number;
}

/** When waiting for room is over, epoch ms (deadlines.D1, deadlines.D2). */
export function waitUntilMs(waiting: Waiting, { timeoutMs }: Pick<ActionFacts, "timeoutMs">, queueDeadlineMs: number): number {
  const { publishedMs, blocking, isStep, stageEndMs = Number.POSITIVE_INFINITY } = waiting;
  if (!isStep) return publishedMs + (blocking ? 1 : 2) * queueDeadlineMs;
  return Math.min(publishedMs + timeoutMs + STANDARD_TIMEOUT_MS - MARGIN_MS, stageEndMs);
}

/** When the end must have been told, epoch ms (deadlines.D3). */
export function endUntilMs(publishedMs: number, { timeoutMs }: Pick<ActionFacts, "timeoutMs">): number {
  return publishedMs + 2 * Math.max(timeoutMs, STANDARD_TIMEOUT_MS) + STANDARD_TIMEOUT_MS - MARGIN_MS;
}
