/**
 * Policy `paper` (paper, 3.5.2 "Harvesting Validator"; architecture, 5):
 *
 *   sum D <= B                                          every function gets its demand       3:1 on 4 -> 3:1
 *   sum D >  B, B * D_i / sum D on the grid for all i   the budget in the ratio of demands   6:2 on 4 -> 3:1
 *   otherwise                                           refused                              5:1 on 4
 *
 * The paper says of the second case only that "this ratio aligns with the overall structure"; that every share is a whole
 * number of steps is our reading of it, and the one under which its three examples come out.
 */
import { atIndex, type GridAxis, isOnGrid, roundAmount } from "@openwhisk-harvest/core";
import { givesAllU, type Split, type SplitRequest } from "./policy.js";

export function splitAsPaper({ axis, budget, sharers }: SplitRequest): Split {
  const demands = sharers.map((sharer) => sharer.demand);
  const demanded = roundAmount(sumOf(demands));
  if (demanded <= budget)
    return givesAllU(sharers, demands)
      ? { accepted: false, reason: "no-change" }
      : { accepted: true, reason: "fits-budget", amounts: demands };

  if (budget < roundAmount(axis.min * sharers.length)) return { accepted: false, reason: "budget-below-minimum" };
  const shares = demands.map((demand) => onGrid(axis, (budget * demand) / demanded));
  const isEnough = (share: number, i: number) => share >= (sharers[i]?.least ?? axis.min);
  if (!shares.every((share) => share !== undefined) || roundAmount(sumOf(shares)) > budget || !shares.every(isEnough))
    return { accepted: false, reason: "exceeds-budget" };
  return givesAllU(sharers, shares) ? { accepted: false, reason: "no-change" } : { accepted: true, reason: "ratio-split", amounts: shares };
}

/** The exact allocation that `amount` is but for the noise of binary fractions; undefined between two allocations. */
function onGrid(axis: GridAxis, amount: number): number | undefined {
  return isOnGrid(axis, amount) ? atIndex(axis, Math.round((amount - axis.min) / axis.step)) : undefined;
}

function sumOf(amounts: readonly number[]): number {
  return amounts.reduce((sum, amount) => sum + amount, 0);
}
