/**
 * Actions that wait for actions. An action that invokes another and waits for it holds its CPU and does nothing with
 * it; on a small host the one it waits for may find no CPU left, and both would wait until their time is up. So when
 * nothing is free, an activation that another one waits for runs on the CPU of that one, beside it, and the one that
 * waits keeps next to none.
 *
 * Which activation waits for which is told by the transaction id, which an action's client sends along
 * (openwhisk-protocol, 3.1). A client may show an id twice without being such an action: then its first run is slowed
 * by its second, and no other by either.
 *
 * Invariants, cited by the tests:
 * cpu-loans.1  An activation lends to one other at a time, so that what is lent is never in use twice by those it is
 *     lent to.
 * cpu-loans.2  Only activations of one namespace and one transaction lend to each other, and only within one invoker
 *     (H6).
 * cpu-loans.3  What has ended lends nothing more.
 * cpu-loans.4  The lender's limit shrinks while it lends, and what it holds at its invoker is held until the loan is
 *     back, even if it ends before: the two together never have more than the lender had (H6).
 */
import { type ActivationMessage, LENT_CPU_CORES } from "../messages.js";

/** What an activation brings that may lend. */
export interface LenderTerms {
  readonly invoker: number;
  readonly cpuCores: number;
  /** Shrinks its limit, until the returned function is called. */
  readonly shrink: () => () => void;
  /** Gives back what it holds at its invoker. */
  readonly release: () => void;
}

export interface CpuLoan {
  readonly invoker: number;
  readonly cpuCores: number;
  giveBack(): void;
}

interface Lender extends LenderTerms {
  lent: boolean;
  ended: boolean;
}

type Transaction = Pick<ActivationMessage, "transactionId" | "user">;

export class CpuLoans {
  readonly #lenders = new Map<string, Set<Lender>>();

  /**
   * An activation runs. Call the answer when it has ended: what it holds is released then, or when its loan is back
   * (cpu-loans.4).
   */
  enter(transaction: Transaction, terms: LenderTerms): () => void {
    const key = keyOf(transaction);
    const lender: Lender = { ...terms, lent: false, ended: false };
    const lenders = this.#lenders.get(key) ?? new Set();
    this.#lenders.set(key, lenders.add(lender));
    return () => {
      lenders.delete(lender);
      if (lenders.size === 0) this.#lenders.delete(key);
      lender.ended = true;
      if (!lender.lent) terms.release();
    };
  }

  /** By cpu-loans.1 to cpu-loans.4. Undefined when no activation of the same transaction has anything to lend. */
  borrow(transaction: Transaction): CpuLoan | undefined {
    const lender = [...(this.#lenders.get(keyOf(transaction)) ?? [])].find((l) => !l.lent && l.cpuCores > 2 * LENT_CPU_CORES);
    if (!lender) return undefined;
    lender.lent = true;
    const grow = lender.shrink();
    return {
      invoker: lender.invoker,
      cpuCores: lender.cpuCores - LENT_CPU_CORES,
      giveBack: () => {
        if (!lender.lent) return;
        lender.lent = false;
        grow();
        if (lender.ended) lender.release();
      },
    };
  }
}

function keyOf({ transactionId, user }: Transaction): string {
  return `${user.namespace}/${transactionId}`;
}
