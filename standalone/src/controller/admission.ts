/**
 * Admission of new runs: counts them, and refuses by the rules of admission-rules.ts.
 *
 * admission.A4  When all runs have ended, all counts are as they were at the start.
 */
import type { Clock } from "@openwhisk-harvest/core";
import { WhiskRejection } from "../whisk-rejection.js";
import { tooManyConcurrentRequests, tooManyWaiting } from "../whisk-texts.js";
import { type AdmissionLimits, type Refusal, refusalOf } from "./admission-rules.js";
import type { Run } from "./parts.js";
import { type RunStage, RunTally } from "./run-tally.js";

/** Namespaces whose mean time of a run is remembered while they have none. */
const MAX_REMEMBERED = 1_000;

export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #all = new RunTally();
  readonly #byNamespace = new Map<string, RunTally>();
  #orders = 0;

  constructor(limits: AdmissionLimits, clock: Pick<Clock, "monotonicMs">) {
    this.#limits = limits;
    this.#clock = clock;
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
  letIn(namespace: string): Run {
    this.check(namespace);
    const order = ++this.#orders;
    return new AdmittedRun(order, this.#talliesOf(namespace), () => this.#clock.monotonicMs());
  }

  /**
   * Counts what follows from a run and is one of its own for the limit of admission-rules.A1: an invocation that an
   * activation waits for, or that nothing joins. It is served with the run that it follows from. With `isLimited` it is
   * refused by admission-rules.A1, with 429.
   */
  follow(namespace: string, { order }: Run, isLimited: boolean): Run {
    const { concurrentInvocations: allowed } = this.#limits;
    const own = this.#tallyOf(namespace);
    const count = own.inFlight;
    if (isLimited && count >= allowed) throw rejectionOf({ why: "concurrent", count, allowed, retryAfterMs: own.view(0).meanMs ?? 0 });
    return new FollowingRun(order, this.#talliesOf(namespace));
  }

  #namespacesInLine(): number {
    let count = 0;
    for (const { waiting } of this.#byNamespace.values()) if (waiting > 0) count++;
    return count;
  }

  #talliesOf(namespace: string): RunTally[] {
    const own = this.#tallyOf(namespace);
    this.#byNamespace.delete(namespace);
    this.#byNamespace.set(namespace, own);
    for (const [oldest, tally] of this.#byNamespace) {
      if (this.#byNamespace.size <= MAX_REMEMBERED) break;
      if (tally.isIdle) this.#byNamespace.delete(oldest);
    }
    return [own, this.#all];
  }

  #tallyOf(namespace: string): RunTally {
    return this.#byNamespace.get(namespace) ?? new RunTally();
  }
}

class FollowingRun implements Run {
  readonly hasBegun: boolean = true;
  readonly order: number;
  readonly #tallies: readonly RunTally[];

  constructor(order: number, tallies: readonly RunTally[]) {
    this.order = order;
    this.#tallies = tallies;
    for (const tally of tallies) tally.inFlight++;
  }

  /** The stage is that of the run which it follows from. */
  enter(): void {
    return;
  }

  end(): void {
    for (const tally of this.#tallies) tally.inFlight--;
  }
}

class AdmittedRun implements Run {
  readonly order: number;
  readonly #tallies: readonly RunTally[];
  readonly #nowMs: () => number;
  #stage: RunStage = "arriving";
  #sinceMs: number;

  constructor(order: number, tallies: readonly RunTally[], nowMs: () => number) {
    this.order = order;
    this.#tallies = tallies;
    this.#nowMs = nowMs;
    this.#sinceMs = nowMs();
    for (const tally of tallies) {
      tally.inFlight++;
      tally.enter("arriving", this.#sinceMs);
    }
  }

  get hasBegun(): boolean {
    return this.#stage === "begun";
  }

  enter(stage: "waiting" | "begun"): void {
    if (this.hasBegun || this.#stage === stage) return;
    const nowMs = this.#nowMs();
    for (const tally of this.#tallies) {
      tally.leave(this.#stage, this.#sinceMs);
      tally.enter(stage, nowMs);
    }
    this.#stage = stage;
    this.#sinceMs = nowMs;
  }

  end(): void {
    for (const tally of this.#tallies) {
      tally.inFlight--;
      tally.leave(this.#stage, this.#sinceMs);
      if (this.hasBegun) tally.took(this.#nowMs() - this.#sinceMs);
    }
  }
}

function rejectionOf(refusal: Refusal): WhiskRejection {
  const { count, retryAfterMs } = refusal;
  const text = refusal.why === "concurrent" ? tooManyConcurrentRequests(count, refusal.allowed) : tooManyWaiting(count, refusal.waitMs);
  return new WhiskRejection(429, text, retryAfterMs);
}
