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
 * admission-rules.A5  A new composition begins only while the runs of its namespace that have begun ask for less than its equal part of
 *     one and a half times the invokers, each for as much as those that have ended did on average over their time. So much, and the
 *     invokers are full while conductors work; more would only make all of them slower. What waits of runs that have begun holds up new
 *     ones besides (waiting-line.O3).
 */
import type { Allocation } from "@openwhisk-harvest/core";

export interface AdmissionLimits {
  /** Runs of a namespace, in line and begun. */
  readonly concurrentInvocations: number;
  /** Runs of all namespaces in line. */
  readonly queueLength: number;
  /** Longest wait in line that a new run may expect. */
  readonly admissionWaitMs: number;
  /** What all invokers have. */
  readonly capacity: Allocation;
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
  /**
   * What the functions of a run ask for, on average over its time, those that wait for it included, as a share of all invokers; undefined
   * before the first has ended.
   */
  readonly meanAsked: number | undefined;
  /** How long those that have begun have taken so far, on average. */
  readonly ageMs: number;
}

export interface AdmissionView {
  readonly own: RunsView;
  readonly all: RunsView;
  /** How many namespaces share: of those with the one that asks, for refusals those with runs in line, else all with runs in flight. */
  readonly namespaces: number;
}

export type Refusal =
  | { readonly why: "concurrent"; readonly count: number; readonly allowed: number; readonly retryAfterMs: number }
  | { readonly why: "waiting"; readonly count: number; readonly waitMs: number; readonly retryAfterMs: number };

/** How often the invokers may be filled by what has begun. */
const MOST_FILLED = 1.5;
/** Taken for the time of a run as long as none has ended. */
const UNKNOWN_RUN_MS = 150;
/** So many may come at once before it is known whether there is room for them; those beyond count as waiting. */
const ARRIVING_AT_ONCE = 16;
/**
 * So much of the expected wait later a refused client finds room: the line has become shorter, and is not empty. It never has to come
 * later than what the line may hold takes.
 */
const RETRY_SHARE = 0.5;

/** admission-rules.A5 */
export function mayBegin({ own, all, namespaces }: AdmissionView): boolean {
  return own.begun * (own.meanAsked ?? all.meanAsked ?? 0) < MOST_FILLED / Math.max(1, namespaces);
}

/** The share of the resource of which it is most. */
export function dominantShare({ cpuCores, memoryMb }: Allocation, capacity: Allocation): number {
  return Math.max(cpuCores / capacity.cpuCores, memoryMb / capacity.memoryMb);
}

/** Undefined when it is let in. */
export function refusalOf({ own, all, namespaces }: AdmissionView, limits: AdmissionLimits): Refusal | undefined {
  const runMs = own.meanMs ?? all.meanMs ?? UNKNOWN_RUN_MS;
  const { concurrentInvocations: allowed } = limits;
  if (own.inFlight >= allowed) return { why: "concurrent", count: own.inFlight, allowed, retryAfterMs: runMs }; // admission-rules.A1
  const ownWaitMs = expectedWaitMs(own, runMs);
  if (ownWaitMs > limits.admissionWaitMs) return tooLong(own, ownWaitMs, limits); // admission-rules.A2
  const allWaitMs = expectedWaitMs(all, all.meanMs ?? UNKNOWN_RUN_MS);
  const isTooLong = allWaitMs > limits.admissionWaitMs || lineOf(all) >= limits.queueLength;
  const isWithinItsShare = lineOf(own) < lineOf(all) / Math.max(1, namespaces);
  return isTooLong && !isWithinItsShare ? tooLong(all, allWaitMs, limits) : undefined; // admission-rules.A3
}

function expectedWaitMs(runs: RunsView, meanMs: number): number {
  return (lineOf(runs) * Math.max(meanMs, runs.ageMs)) / Math.max(1, runs.begun);
}

function lineOf({ waiting, arriving }: RunsView): number {
  return waiting + Math.max(0, arriving - ARRIVING_AT_ONCE);
}

function tooLong(runs: RunsView, waitMs: number, { admissionWaitMs }: AdmissionLimits): Refusal {
  const retryAfterMs = Math.min(waitMs * RETRY_SHARE, admissionWaitMs);
  return { why: "waiting", count: lineOf(runs), waitMs, retryAfterMs };
}
