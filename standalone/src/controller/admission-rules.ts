/**
 * Whether a new run is let in: as long as it can be expected to begin in time. What belongs to a run that was let in, its steps and its
 * branches, is never refused for load, so what cannot be taken in has to be refused here (H7). Pure.
 *
 * The wait that a new run may expect is the length of the line times the mean time of a run, shared by those under way (Little's law).
 *
 * Rules, cited by the tests:
 * admission-rules.A1  A namespace has at most so many runs at a time; what belongs to a run does not count.
 * admission-rules.A2  A new run whose expected wait is too long is refused, and told when to come again.
 * admission-rules.A3  The line of all namespaces together is bounded in the same way, but no namespace is refused for it
 *     that has no more of it than an equal share.
 */

export interface AdmissionLimits {
  /** Runs of a namespace, in line and begun. */
  readonly concurrentInvocations: number;
  /** Runs of all namespaces in line. */
  readonly queueLength: number;
  /** Longest wait in line that a new run may expect. */
  readonly admissionWaitMs: number;
}

/** The runs of a namespace, or of all. */
export interface RunsView {
  readonly inFlight: number;
  /** On their way to a place, or to the line if there is none. */
  readonly arriving: number;
  /** In line: there was no room for their first activation. */
  readonly waiting: number;
  readonly begun: number;
  /** How long a run takes once it has begun; undefined before the first has ended. */
  readonly meanMs: number | undefined;
  /** How long those that have begun have taken so far, on average. */
  readonly ageMs: number;
}

export interface AdmissionView {
  readonly own: RunsView;
  readonly all: RunsView;
  /** How many namespaces have runs in line, with the one that asks. */
  readonly namespaces: number;
}

export type Refusal =
  | { readonly why: "concurrent"; readonly count: number; readonly allowed: number; readonly retryAfterMs: number }
  | { readonly why: "waiting"; readonly count: number; readonly waitMs: number; readonly retryAfterMs: number };

/** Taken for the time of a run as long as none has ended. */
const UNKNOWN_RUN_MS = 150;
/** So many may come at once before it is known whether there is room for them; those beyond count as waiting. */
const ARRIVING_AT_ONCE = 16;
/** So much of the expected wait later a refused client finds room: the line has become shorter, and is not empty. */
const RETRY_SHARE = 0.5;

/** Undefined when it is let in. */
export function refusalOf({ own, all, namespaces }: AdmissionView, limits: AdmissionLimits): Refusal | undefined {
  const runMs = own.meanMs ?? all.meanMs ?? UNKNOWN_RUN_MS;
  const { concurrentInvocations: allowed } = limits;
  if (own.inFlight >= allowed) return { why: "concurrent", count: own.inFlight, allowed, retryAfterMs: runMs }; // admission-rules.A1
  const ownWaitMs = expectedWaitMs(own, runMs);
  if (ownWaitMs > limits.admissionWaitMs) return tooLong(own, ownWaitMs); // admission-rules.A2
  const allWaitMs = expectedWaitMs(all, all.meanMs ?? UNKNOWN_RUN_MS);
  const isTooLong = allWaitMs > limits.admissionWaitMs || lineOf(all) >= limits.queueLength;
  const isWithinItsShare = lineOf(own) < lineOf(all) / Math.max(1, namespaces);
  return isTooLong && !isWithinItsShare ? tooLong(all, allWaitMs) : undefined; // admission-rules.A3
}

function expectedWaitMs(runs: RunsView, meanMs: number): number {
  return (lineOf(runs) * Math.max(meanMs, runs.ageMs)) / Math.max(1, runs.begun);
}

function lineOf({ waiting, arriving }: RunsView): number {
  return waiting + Math.max(0, arriving - ARRIVING_AT_ONCE);
}

function tooLong(runs: RunsView, waitMs: number): Refusal {
  return { why: "waiting", count: lineOf(runs), waitMs, retryAfterMs: waitMs * RETRY_SHARE };
}
