/**
 * Which run has how much of a node's CPU (H6). Pure, and by level rather than by event: from what all claim now it follows what each
 * should have, and from what is in force the next single write that leads there. A lost event costs nothing.
 *
 * node-budget.N1  The limits in force never add up to more than the capacity, after any write; a write that grows one comes when it fits.
 * node-budget.N2  Each has its floor, what it was admitted with. If even the floors are too much, they are given all the same, and none
 *                 has more: a run that has been admitted is not turned away.
 * node-budget.N3  None is above U while one that claims it is below U: receivers give way first. Among those below U the suffering come
 *                 first, then those that came first.
 * node-budget.N4  What is given beyond the floor is U, the claim, or on the grid (H2); a suffering run takes also what is less than a step.
 * node-budget.N5  A limit that could not be written is taken for the larger of the two, and is not touched again.
 */
import { floorToGrid, type GridAxis, roundAmount } from "@openwhisk-harvest/core";
import type { CpuClaim } from "./hold.js";

export interface BudgetMember {
  readonly id: string;
  readonly claim: CpuClaim;
  /** 0 until its first limit is in force. */
  readonly inForceCores: number;
  /** node-budget.N5 */
  readonly stuck?: boolean;
}

export interface NodeBudget {
  readonly capacityCores: number;
  readonly axis: GridAxis;
  /** In the order in which they came. */
  readonly members: readonly BudgetMember[];
}

export interface CpuOrder {
  readonly id: string;
  readonly cpuCores: number;
}

/** What each should have. */
export function targetsOf({ capacityCores, axis, members }: NodeBudget): ReadonlyMap<string, number> {
  const targets = new Map(members.map(({ id, claim, stuck, inForceCores }) => [id, stuck ? inForceCores : claim.floorCores]));
  let freeCores = roundAmount(capacityCores - sum([...targets.values()]));
  const raise = ({ id, stuck, claim }: BudgetMember, towardsCores: number) => {
    const has = targets.get(id) ?? 0;
    if (stuck || towardsCores <= has || freeCores <= 0) return;
    const reach = Math.min(towardsCores, roundAmount(has + freeCores));
    const isWhole = claim.urgent || reach === claim.userCores || reach === claim.wantsCores;
    const target = isWhole ? reach : Math.max(has, floorToGrid(axis, reach) ?? 0);
    freeCores = roundAmount(freeCores - (target - has));
    targets.set(id, target);
  };
  const sufferingFirst = [...members].sort((a, b) => Number(b.claim.urgent) - Number(a.claim.urgent)); // a stable sort
  for (const member of sufferingFirst) raise(member, Math.min(member.claim.userCores, member.claim.wantsCores));
  for (const member of members) raise(member, member.claim.wantsCores);
  return targets;
}

/** The next write, shrinking ones first; undefined when there is nothing to do, or to do now. */
export function nextOrder(budget: NodeBudget): CpuOrder | undefined {
  const targets = targetsOf(budget);
  const free = budget.members.filter((member) => !member.stuck);
  const targetOf = ({ id }: BudgetMember) => targets.get(id) ?? 0;
  const shrinking = free.find((member) => targetOf(member) < member.inForceCores && targetOf(member) > 0);
  if (shrinking) return { id: shrinking.id, cpuCores: targetOf(shrinking) };
  const inForceCores = sum(budget.members.map((member) => member.inForceCores));
  const growing = free.find((member) => {
    const target = targetOf(member);
    const fits = roundAmount(inForceCores - member.inForceCores + target) <= budget.capacityCores;
    return target > member.inForceCores && (fits || target <= member.claim.floorCores);
  });
  return growing && { id: growing.id, cpuCores: targetOf(growing) };
}

/** By how much the limits in force exceed the capacity; 0, unless the floors do (node-budget.N2). */
export function excessCores({ capacityCores, members }: NodeBudget): number {
  return Math.max(0, roundAmount(sum(members.map((member) => member.inForceCores)) - capacityCores));
}

function sum(amounts: readonly number[]): number {
  return roundAmount(amounts.reduce((total, amount) => total + amount, 0));
}
