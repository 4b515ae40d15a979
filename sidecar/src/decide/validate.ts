/**
 * The Harvesting Validator (paper, 3.5.2): the last gate before a split comes into force. It knows no policy and trusts
 * none: the budget is summed up anew from the user allocations, and each amount is held against the grid.
 */
import { type GridAxis, HarvestError, isOnGrid, roundAmount } from "@openwhisk-harvest/core";
import type { Amount } from "./policy.js";

/**
 * Checks the amounts of the branches that share, in the order of their user allocations. A split that breaks H1 (their
 * sum exceeds the budget) or H2 (one lies off the grid) is a bug of a policy: OWH_BAD_ALLOCATION names the invariant
 * and the numbers.
 */
export function validateSplit(axis: GridAxis, users: readonly number[], amounts: readonly Amount[]): void {
  const fault = (what: string) => new HarvestError("OWH_BAD_ALLOCATION", `The split is invalid: ${what}.`);
  if (amounts.length !== users.length) throw fault(`${amounts.length} amounts for ${users.length} functions`);
  for (const amount of amounts)
    if (amount !== undefined && !isOnGrid(axis, amount))
      throw fault(`H2: ${amount} is not on the grid ${axis.min}..${axis.max} by ${axis.step}`);
  const budget = sumOf(users);
  const spent = sumOf(amounts.map((amount, i) => amount ?? (users[i] as number)));
  if (!(spent <= budget)) throw fault(`H1: ${spent} exceeds the budget of ${budget}`);
}

function sumOf(amounts: readonly number[]): number {
  return roundAmount(amounts.reduce((sum, amount) => sum + amount, 0));
}
