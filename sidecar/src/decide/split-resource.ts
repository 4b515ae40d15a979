/** One resource of one stage: who shares it, what their budget is, and what the policy and the validator say. */
import { type FunctionDecision, messageOf, type ParallelStage, type ReasonCode, roundAmount, type Verdict } from "@openwhisk-harvest/core";
import type { Policy, Sharer } from "./policy.js";
import type { Predictions } from "./predict.js";
import { exclusionOf, isCandidate, shares } from "./sharing.js";
import type { DecisionState, Resource } from "./state.js";
import { validatePlan } from "./validate.js";

export interface StageToSplit {
  readonly state: DecisionState;
  readonly stage: ParallelStage;
  /** Each at its user allocation, with a demand where its prediction is trusted. */
  readonly members: readonly FunctionDecision[];
  readonly predictions: Predictions;
}

export interface ResourceSplit {
  readonly verdict: Verdict;
  /** B */
  readonly budget: number;
  /** By function index; empty when refused, so that a refusal can only mean the user allocation (H3). */
  readonly amounts: ReadonlyMap<number, number>;
  /** What the validator found wrong with the policy's plan. */
  readonly fault?: string;
}

export function splitResource(toSplit: StageToSplit, resource: Resource, policy: Policy): ResourceSplit {
  const { state, members } = toSplit;
  const sharing = members.filter((fn) => (state.model ? shares(fn, resource) : isCandidate(fn, resource)));
  const users = sharing.map((fn) => fn.user[resource] as number);
  const budget = roundAmount(users.reduce((sum, user) => sum + user, 0));
  const refused = (reason: ReasonCode): ResourceSplit => ({ verdict: { accepted: false, reason }, budget, amounts: new Map() });

  const refusal = refusalOf(toSplit, resource, sharing.length);
  if (refusal) return refused(refusal);
  const axis = state.grid[resource];
  const plan = policy({ axis, budget, sharers: sharing.map((fn) => sharerOf(fn, resource, toSplit.predictions)) });
  if (!plan.accepted) return refused(plan.reason);
  try {
    validatePlan(axis, users, plan.amounts);
  } catch (error) {
    return { ...refused("invalid-plan"), fault: `stage ${toSplit.stage.forkPath}, ${resource}: ${messageOf(error)}` };
  }
  const amounts = new Map(sharing.map((fn, i) => [fn.index, plan.amounts[i] as number]));
  return { verdict: { accepted: true, reason: plan.reason }, budget, amounts };
}

/** Why there is nothing to split, before any policy is asked. */
function refusalOf({ state, stage, members }: StageToSplit, resource: Resource, sharingCount: number): ReasonCode | undefined {
  if (exclusionOf(stage)) return "stage-excluded";
  if (members.filter((fn) => isCandidate(fn, resource)).length < 2) return "nothing-to-share";
  if (!state.model) return "no-model";
  return sharingCount < 2 ? "untrusted-prediction" : undefined;
}

function sharerOf({ index, user, demand, predicted }: FunctionDecision, resource: Resource, predictions: Predictions): Sharer {
  return {
    user: user[resource] as number,
    demand: demand?.[resource] as number,
    workCoreMs: predicted?.workCoreMs.mean as number,
    workPerTree: predictions.get(index)?.workPerTree as Float64Array,
  };
}
