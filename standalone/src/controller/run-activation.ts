/**
 * The way of one activation: what it may have (activation-terms.ts), where it runs (balancer), its run (invoker), its record
 * (store).
 */
import { type Allocation, type Clock, HarvestError, messageOf, waitingDepthOf } from "@openwhisk-harvest/core";
import type { Acquired, Balancer, Enqueued, PlacementRequest, RunPlace } from "@openwhisk-harvest/placement";
import type { Logger } from "../container/logger.js";
import type { ActivationMessage, ActivationRecord, ActivationTerms, Invoker, ResolveTerms } from "../messages.js";
import type { ActivationStore } from "../storage/activation-store.js";
import { runBuiltin } from "./builtin.js";
import { type CpuLoan, CpuLoans } from "./cpu-loans.js";
import type { Draining } from "./draining.js";
import type { Membership, SubmitActivation } from "./parts.js";
import { recordWithoutRun, whiskError } from "./records.js";

export interface ActivationRunnerParts {
  readonly resolveTerms: ResolveTerms;
  readonly balancer: Balancer;
  readonly invokers: ReadonlyMap<number, Invoker>;
  readonly activations: ActivationStore;
  readonly draining: Draining;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Conditions {
  readonly loan: CpuLoan | undefined;
  readonly within: Membership;
}

export class ActivationRunner {
  readonly #parts: ActivationRunnerParts;
  readonly #loans = new CpuLoans();

  constructor(parts: ActivationRunnerParts) {
    this.#parts = parts;
  }

  /** Resolves when the activation has been accepted, which is when it has its place or its place in line. */
  readonly submit: SubmitActivation = async (incoming, within) => {
    const { activations, clock, draining } = this.#parts;
    const { activationId } = incoming;
    const builtin = runBuiltin(incoming, clock.nowMs());
    if (builtin) {
      activations.store(builtin);
      return { activationId, record: Promise.resolve(builtin) };
    }
    const leave = draining.enter(incoming.transactionId);
    try {
      const { message, terms } = await this.#parts.resolveTerms(incoming);
      const loan = this.#loanFor(message, terms);
      const ended = terms.conductor ? () => undefined : within.run.ask(askedOf(terms));
      const giveBack = () => {
        loan?.giveBack();
        ended();
      };
      try {
        const { placed, isWaiting } = this.#enqueue(message, terms, { loan, within });
        if (isWaiting) within.run.enter("waiting");
        const begun = placed.then((acquired) => {
          within.run.enter("begun");
          return acquired;
        });
        const record = this.#run(message, terms, begun, loan).finally(() => {
          giveBack();
          leave();
        });
        return { activationId, record, placed: begun.catch(() => undefined) };
      } catch (error) {
        giveBack();
        throw error;
      }
    } catch (error) {
      leave();
      throw error;
    }
  };

  /** Only for one that a client waits for, and only when no invoker has room for it. */
  #loanFor(message: ActivationMessage, terms: ActivationTerms): CpuLoan | undefined {
    const { balancer } = this.#parts;
    if (!message.blocking || terms.conductor || terms.mode === "profile") return undefined;
    const { atLeast } = placementRequestOf(message, terms, balancer.largest(), balancer.largest(true));
    const hasRoom = balancer
      .invokers()
      .some(({ healthy, free }) => healthy && free.cpuCores >= atLeast.cpuCores && free.memoryMb >= atLeast.memoryMb);
    return hasRoom ? undefined : this.#loans.borrow(message);
  }

  #enqueue(message: ActivationMessage, terms: ActivationTerms, { loan, within }: Conditions): Enqueued {
    const { balancer, invokers } = this.#parts;
    // On a loan it holds memory and no CPU of its own, as conductors do.
    const asked = loan ? { ...terms, conductor: true, memoryMb: terms.user.memoryMb } : terms;
    const { namespace } = message.user;
    const action = `${message.action.namespace}/${message.action.name}`;
    const only = loan ? { only: loan.invoker } : {};
    const request = {
      ...placementRequestOf(message, asked, balancer.largest(), balancer.largest(true)),
      ...only,
      namespace,
      action,
      run: runPlaceOf(message, terms.conductor, within),
    };
    const isWarm = (id: number) => invokers.get(id)?.hasWarmContainer(message) ?? false;
    return balancer.enqueue(request, { isWarm, ...(within.signal && { callOff: within.signal }) });
  }

  /** Whatever happens, there is a record: the client may know the id already, and must find out what became of it. */
  async #run(
    message: ActivationMessage,
    terms: ActivationTerms,
    placed: Promise<Acquired>,
    loan: CpuLoan | undefined,
  ): Promise<ActivationRecord> {
    const { activations, clock } = this.#parts;
    try {
      const acquired = await placed;
      const granted = loan ? { ...acquired.permits, cpuCores: Math.min(loan.cpuCores, terms.cpuCores) } : acquired.permits;
      const leave = terms.conductor ? () => acquired.release() : this.#mayLend(message, acquired, granted.cpuCores);
      const record = await this.#runAt(acquired, message, termsInForce(terms, granted)).finally(leave);
      activations.store(record);
      return record;
    } catch (error) {
      activations.store(recordWithoutRun(message, whiskError(messageOf(error)), clock.nowMs()));
      throw error;
    }
  }

  /** Call the answer when the run has ended. */
  #mayLend(message: ActivationMessage, acquired: Acquired, cpuCores: number): () => void {
    const { invoker } = acquired;
    const shrink = () => this.#parts.invokers.get(invoker)?.lend(message.activationId) ?? (() => undefined);
    return this.#loans.enter(message, { invoker, cpuCores, shrink, release: () => acquired.release() });
  }

  async #runAt({ invoker: id, placement, waitedMs }: Acquired, message: ActivationMessage, terms: ActivationTerms) {
    const { invokers, logger } = this.#parts;
    const { activationId, cause } = message;
    logger.debug({ activationId, cause, invoker: id, why: placement.why, waitedMs, candidates: placement.candidates }, "placed");
    const invoker = invokers.get(id);
    if (!invoker) throw new HarvestError("OWH_NO_INVOKER", `There is no invoker ${id}.`);
    return invoker.run(message, terms);
  }
}

/** What a function is sure to take of an invoker when it runs. */
function askedOf({ user, cpuCores }: ActivationTerms): Allocation {
  return { cpuCores: user.cpuCores ?? cpuCores, memoryMb: user.memoryMb };
}

/** What has begun is placed before what is new, and waits as long as it takes, or as its stage. */
function runPlaceOf({ action }: ActivationMessage, conductor: boolean, { run, level }: Membership): RunPlace {
  const { order, hasBegun } = run;
  if (hasBegun) return { order, level, isNew: false };
  const depth = waitingDepthOf(action);
  return { order, level, isNew: true, ...(conductor && { isHeldBack: () => !run.mayBegin() }), ...(depth > 0 && { depth }) };
}

/**
 * What the balancer is asked for. A donor wants less than U and takes nothing below it; a receiver takes what is free
 * from U on; in mode `profile` a run waits for all that it can get (architecture, 5).
 *
 * No run is given more CPU than an invoker has; U above that is a whole invoker. Memory below U would be a way to be
 * killed (H5), so such a request stays as it is and is refused. Profiled runs leave the conductors their share, or they
 * would wait for ever.
 */
export function placementRequestOf(
  message: Pick<ActivationMessage, "activationId" | "cause">,
  terms: ActivationTerms,
  largest: Allocation,
  largestForConductor: Allocation,
): PlacementRequest {
  const base = {
    activationId: message.activationId,
    ...(message.cause !== undefined && { cause: message.cause }),
    conductor: terms.conductor,
  };
  if (terms.conductor) {
    const want = { cpuCores: 0, memoryMb: terms.memoryMb };
    return { ...base, want, atLeast: want };
  }
  const userMemoryMb = Math.min(terms.memoryMb, terms.user.memoryMb);
  const mostMemoryMb = terms.mode === "profile" ? largest.memoryMb - largestForConductor.memoryMb : largest.memoryMb;
  const want = {
    cpuCores: Math.min(terms.cpuCores, largest.cpuCores),
    memoryMb: Math.max(userMemoryMb, Math.min(terms.memoryMb, mostMemoryMb)),
  };
  if (terms.mode === "profile") return { ...base, want, atLeast: want };
  const userCpuCores = terms.user.cpuCores ?? terms.cpuCores;
  return { ...base, want, atLeast: { cpuCores: Math.min(want.cpuCores, userCpuCores), memoryMb: userMemoryMb } };
}

/** Conductors hold no CPU permits, so only their memory is the balancer's to say. */
function termsInForce(terms: ActivationTerms, { cpuCores, memoryMb }: Allocation): ActivationTerms {
  return terms.conductor ? terms : { ...terms, cpuCores, memoryMb };
}
