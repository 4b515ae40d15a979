/**
 * Admission of new runs: counts them, and refuses by the rules of admission-rules.ts.
 *
 * admission.A4  When all runs have ended, all counts are as they were at the start.
 */
import type { Allocation, Clock } from "@openwhisk-harvest/core";
import { WhiskRejection } from "../whisk-rejection.js";
import { tooManyConcurrentRequests, tooManyWaiting } from "../whisk-texts.js";
import { type AdmissionLimits, dominantShare, mayBegin, type Refusal, refusalOf } from "./admission-rules.js";
import type { RootRun } from "./parts.js";
import { type RunStage, RunTally } from "./run-tally.js";

/** Namespaces whose mean time of a run is remembered while they have none. */
const MAX_REMEMBERED = 1_000;

export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #all = new RunTally();
  readonly #byNamespace = new Map<string, RunTally>();
  readonly #onEnd: () => void;
  #orders = 0;

  /** `onEnd`: a run has ended, so that another one may begin. */
  constructor(limits: AdmissionLimits, clock: Pick<Clock, "monotonicMs">, onEnd: () => void = () => undefined) {
    this.#limits = limits;
    this.#clock = clock;
    this.#onEnd = onEnd;
  }

  /** Throws 429 when a new run of the namespace would be refused. Changes nothing. */
  check(namespace: string): void {
    const nowMs = this.#clock.monotonicMs();
    const own = this.#tallyOf(namespace);
    const namespaces = this.#namespacesInLine() + (own.waiting === 0 ? 1 : 0);
    const refusal = refusalOf({ own: own.view(nowMs), all: this.#all.view(nowMs), namespaces }, this.#limits);
    if (refusal) throw rejectionOf(refusal);
  }

  /** Lets a new run in. Throws 429. */
  letIn(namespace: string): RootRun {
    this.check(namespace);
    const order = ++this.#orders;
    const { capacity } = this.#limits;
    const nowMs = () => this.#clock.monotonicMs();
    return new AdmittedRun(order, { ...this.#talliesOf(namespace), capacity, nowMs, onEnd: this.#onEnd });
  }

  /**
   * Counts what follows from a run and is one of its own for the limit of admission-rules.A1: an invocation that an
   * activation waits for, or that nothing joins. It is served with the run that it follows from. With `isLimited` it is
   * refused by admission-rules.A1, with 429.
   */
  follow(namespace: string, from: RootRun, isLimited: boolean): RootRun {
    const { concurrentInvocations: allowed } = this.#limits;
    const own = this.#tallyOf(namespace);
    const count = own.inFlight;
    if (isLimited && count >= allowed) throw rejectionOf({ why: "concurrent", count, allowed, retryAfterMs: own.view(0).meanMs ?? 0 });
    return new FollowingRun(from, this.#talliesOf(namespace));
  }

  #namespacesInLine(): number {
    let count = 0;
    for (const { waiting } of this.#byNamespace.values()) if (waiting > 0) count++;
    return count;
  }

  #talliesOf(namespace: string): Tallies {
    const own = this.#tallyOf(namespace);
    this.#byNamespace.delete(namespace);
    this.#byNamespace.set(namespace, own);
    for (const [oldest, tally] of this.#byNamespace) {
      if (this.#byNamespace.size <= MAX_REMEMBERED) break;
      if (tally.isIdle) this.#byNamespace.delete(oldest);
    }
    return { own, all: this.#all };
  }

  #tallyOf(namespace: string): RunTally {
    return this.#byNamespace.get(namespace) ?? new RunTally();
  }
}

/** Of a run's namespace, and of all. */
interface Tallies {
  readonly own: RunTally;
  readonly all: RunTally;
}

function countIn({ own, all }: Tallies): void {
  if (own.inFlight++ === 0) all.namespaces++;
  all.inFlight++;
}

function countOut({ own, all }: Tallies): void {
  if (--own.inFlight === 0) all.namespaces--;
  all.inFlight--;
}

class FollowingRun implements RootRun {
  readonly hasBegun: boolean = true;
  readonly order: number;
  readonly #from: RootRun;
  readonly #tallies: Tallies;

  constructor(from: RootRun, tallies: Tallies) {
    this.order = from.order;
    this.#from = from;
    this.#tallies = tallies;
    countIn(tallies);
  }

  mayBegin(): boolean {
    return true;
  }

  ask(want: Allocation): () => void {
    return this.#from.ask(want);
  }

  /** The stage is that of the run which it follows from. */
  enter(): void {
    return;
  }

  end(): void {
    countOut(this.#tallies);
  }
}

interface AdmittedParts extends Tallies {
  readonly capacity: Allocation;
  readonly nowMs: () => number;
  readonly onEnd: () => void;
}

class AdmittedRun implements RootRun {
  readonly order: number;
  readonly #parts: AdmittedParts;
  #stage: RunStage = "arriving";
  #sinceMs: number;
  /** What its functions that have ended asked for, as a share of all invokers, times how long, in ms. */
  #askedMs = 0;

  constructor(order: number, parts: AdmittedParts) {
    this.order = order;
    this.#parts = parts;
    this.#sinceMs = parts.nowMs();
    countIn(parts);
    for (const tally of this.#tallies) tally.enter("arriving", this.#sinceMs);
  }

  get hasBegun(): boolean {
    return this.#stage === "begun";
  }

  get #tallies(): readonly RunTally[] {
    return [this.#parts.own, this.#parts.all];
  }

  enter(stage: "waiting" | "begun"): void {
    if (this.hasBegun || this.#stage === stage) return;
    const nowMs = this.#parts.nowMs();
    for (const tally of this.#tallies) {
      tally.leave(this.#stage, this.#sinceMs);
      tally.enter(stage, nowMs);
    }
    this.#stage = stage;
    this.#sinceMs = nowMs;
  }

  mayBegin(): boolean {
    const { own, all, nowMs } = this.#parts;
    const atMs = nowMs();
    return mayBegin({ own: own.view(atMs), all: all.view(atMs), namespaces: all.namespaces });
  }

  ask(want: Allocation): () => void {
    const { capacity, nowMs } = this.#parts;
    const sinceMs = nowMs();
    return () => {
      this.#askedMs += dominantShare(want, capacity) * (nowMs() - sinceMs);
    };
  }

  end(): void {
    const { nowMs, onEnd } = this.#parts;
    const tookMs = nowMs() - this.#sinceMs;
    countOut(this.#parts);
    for (const tally of this.#tallies) {
      tally.leave(this.#stage, this.#sinceMs);
      if (this.hasBegun) tally.took(tookMs, tookMs > 0 ? this.#askedMs / tookMs : 0);
    }
    onEnd();
  }
}

function rejectionOf(refusal: Refusal): WhiskRejection {
  const { count, retryAfterMs } = refusal;
  const text = refusal.why === "concurrent" ? tooManyConcurrentRequests(count, refusal.allowed) : tooManyWaiting(count, refusal.waitMs);
  return new WhiskRejection(429, text, retryAfterMs);
}
