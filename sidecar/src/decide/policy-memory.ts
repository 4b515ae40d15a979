/**
 * Memory under policy `makespan`. Unlike CPU, more of it makes no function faster, and less than is needed ends a run;
 * so what donors leave goes to those that would die under their user allocation, each with all of its demand or not at
 * all:
 *
 *   sum D <= B   every function gets its demand, as under policy `paper`
 *   sum D >  B   donors give what they do not need; of those that need more than U, the ones with the smallest shortage come first,
 *                so that as many as possible live; a function that is not reached keeps U, and is no worse off for it
 *   none is reached: refused
 */
import { roundAmount } from "@openwhisk-harvest/core";
import type { Split, SplitRequest } from "./policy.js";
import { splitAsPaper } from "./policy-paper.js";

export function splitForSurvival(request: SplitRequest): Split {
  const { sharers, budget } = request;
  const demanded = roundAmount(sharers.reduce((sum, { demand }) => sum + demand, 0));
  if (demanded <= budget) return splitAsPaper(request);
  let surplus = sharers.reduce((sum, { user, demand }) => sum + Math.max(0, user - demand), 0);
  const amounts: (number | undefined)[] = sharers.map(({ user, demand }) => (demand <= user ? demand : undefined));
  const needy = sharers.flatMap(({ user, demand }, at) => (demand > user ? [{ at, demand, shortage: demand - user }] : []));
  for (const { at, demand, shortage } of needy.sort((a, b) => a.shortage - b.shortage)) {
    if (roundAmount(shortage) > roundAmount(surplus)) break;
    surplus -= shortage;
    amounts[at] = demand;
  }
  const isReached = needy.some(({ at }) => amounts[at] !== undefined);
  return isReached ? { accepted: true, reason: "memory-shortage-met", amounts } : { accepted: false, reason: "exceeds-budget" };
}
