/** One resource of one stage: which branches share it, what their budget is, and what the policy and the validator say. */
import { type FunctionDecision, messageOf, type ReasonCode, roundAmount, type Verdict } from "@openwhisk-harvest/core";
import { type Caps, capsOf } from "./caps.js";
import { leastGainShare } from "./hysteresis.js";
import type { Policy, Sharer, WorkPart } from "./policy.js";
import type { Predictions } from "./predict.js";
import { branchesOf, canShare, isCandidate, type SharingStage, sharingBranches } from "./sharing.js";
import type { DecisionState, Resource } from "./state.js";
import { validateSplit } from "./validate.js";

export interface StageToSplit {
  readonly state: DecisionState;
  readonly stage: SharingStage;
  /** Each at its user allocation, with a demand where its prediction is trusted. */
  readonly members: readonly FunctionDecision[];
  readonly predictions: Predictions;
}

export interface ResourceSplit {
  readonly verdict: Verdict;
  /** B */
  readonly budget: number;
  /** By function index; absent: U. Empty when refused, so that a refusal can only mean the user allocation (H3). */
  readonly amounts: ReadonlyMap<number, number>;
  /** What the validator found wrong with the policy's split. */
  readonly fault?: string;
}

type Branch = readonly FunctionDecision[];

export function splitResource(toSplit: StageToSplit, resource: Resource, policy: Policy): ResourceSplit {
  const { state, members } = toSplit;
  const branches = branchesOf(members);
  const willing = branches.filter((branch) => branch.every((fn) => isCandidate(fn, resource)));
  const sharing = state.model ? sharingBranches(members, resource) : willing;
  const able = sharing.filter((branch) => capsOfBranch(state, branch, resource) !== undefined);
  const users = able.map((branch) => Math.min(...branch.map((fn) => fn.user[resource] as number)));
  const budget = roundAmount(users.reduce((sum, user) => sum + user, 0));
  const refused = (reason: ReasonCode): ResourceSplit => ({ verdict: { accepted: false, reason }, budget, amounts: new Map() });

  const refusal = refusalOf(toSplit, willing.length, able.length);
  if (refusal) return refused(refusal);
  const axis = state.grid[resource];
  const sharers = able.map((branch, i) => sharerOf(toSplit, branch, resource, users[i] as number));
  const split = policy({ axis, budget, sharers, leastGainShare: leastGainShare(state.wasSplit?.(toSplit.stage.forkPath) ?? false) });
  if (!split.accepted) return refused(split.reason);
  try {
    validateSplit(axis, users, split.amounts);
  } catch (error) {
    return { ...refused("invalid-split"), fault: `stage ${toSplit.stage.forkPath}, ${resource}: ${messageOf(error)}` };
  }
  const amounts = new Map<number, number>();
  for (const [i, branch] of able.entries()) {
    const amount = split.amounts[i];
    if (amount !== undefined) for (const fn of branch) amounts.set(fn.index, amount);
  }
  return { verdict: { accepted: true, reason: split.reason }, budget, amounts };
}

/** Why there is nothing to split, before any policy is asked. */
function refusalOf({ state, stage }: StageToSplit, willingCount: number, sharingCount: number): ReasonCode | undefined {
  if (stage.isTooLarge) return "too-many-functions";
  if (stage.kind === "map") return canShare(stage.branches[0]) ? "decided-at-fork" : "stage-excluded";
  if (willingCount < 2) return "nothing-to-share";
  if (!state.model) return "no-model";
  return sharingCount < 2 ? "untrusted-prediction" : undefined;
}

/** What all functions of a branch may have; undefined when their bounds leave nothing but U. */
function capsOfBranch({ dag, grid }: DecisionState, branch: Branch, resource: Resource): Caps | undefined {
  let all: Caps = { least: grid[resource].min, most: grid[resource].max };
  for (const { index } of branch) {
    const caps = capsOf(grid[resource], dag.functions[index]?.bounds, resource);
    if (!caps) return undefined;
    all = { least: Math.max(all.least, caps.least), most: Math.min(all.most, caps.most) };
  }
  return all.least > all.most ? undefined : all;
}

/** A sequence may have as much as the function that can use the most, as far as every function's maximum allows. */
function sharerOf({ state, predictions }: StageToSplit, branch: Branch, resource: Resource, user: number): Sharer {
  const { least, most } = capsOfBranch(state, branch, resource) as Caps;
  const parts = branch.map(
    (fn): WorkPart => ({
      user: fn.user[resource] as number,
      demand: fn.demand?.[resource] as number,
      workCoreMs: fn.predicted?.workCoreMs.mean as number,
      workPerTree: predictions.get(fn.index)?.workPerTree as Float64Array,
    }),
  );
  const [first] = parts as [WorkPart, ...WorkPart[]];
  const demand = Math.min(most, Math.max(...parts.map((part) => part.demand)));
  return parts.length === 1 ? { ...first, least } : { ...first, user, demand, least, parts };
}
