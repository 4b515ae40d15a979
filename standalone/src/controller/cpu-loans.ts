/**
 * Actions that wait for actions. An action that invokes another and waits for it holds its CPU and does nothing with it; on a small
 * host the one it waits for may find no CPU left, and both would wait until their time is up. So when nothing is free, an
 * activation that another one waits for runs on the CPU of that one.
 *
 * Who waits for whom is told by the transaction id, which an action's client sends along (openwhisk-protocol, section 3.1).
 *
 * Invariants, cited by the tests:
 *  1. An activation lends to one other at a time, so that what is lent is never in use twice by those it is lent to.
 *  2. Only activations of one namespace and one transaction lend to each other.
 *  3. What has ended lends nothing.
 */
import type { ActivationMessage } from "../messages.js";

export interface CpuLoan {
  readonly cpuCores: number;
  giveBack(): void;
}

interface Lender {
  readonly cpuCores: number;
  lent: boolean;
}

type Who = Pick<ActivationMessage, "transactionId" | "user">;

export class CpuLoans {
  readonly #lenders = new Map<string, Set<Lender>>();

  /** An activation runs on so much CPU, until the returned function is called. */
  enter(who: Who, cpuCores: number): () => void {
    const key = keyOf(who);
    const lender: Lender = { cpuCores, lent: false };
    const lenders = this.#lenders.get(key) ?? new Set();
    this.#lenders.set(key, lenders.add(lender));
    return () => {
      lenders.delete(lender);
      if (lenders.size === 0) this.#lenders.delete(key);
    };
  }

  /** 1 to 3. Undefined when nobody of the same transaction has anything to lend. */
  borrow(who: Who): CpuLoan | undefined {
    const lender = [...(this.#lenders.get(keyOf(who)) ?? [])].find((l) => !l.lent);
    if (!lender) return undefined;
    lender.lent = true;
    return {
      cpuCores: lender.cpuCores,
      giveBack: () => {
        lender.lent = false;
      },
    };
  }
}

function keyOf({ transactionId, user }: Who): string {
  return `${user.namespace}/${transactionId}`;
}
