/**
 * The decision of one composition run, from its input's size to what every function of every parallel stage gets: predict ->
 * normalize -> split -> validate. Pure.
 *
 * CPU and memory are decided apart. A resource that is refused stands at the user allocation, for the whole stage (H3).
 * Memory has no time model: see policy-memory.ts. A memory allocation is a share to account with:
 * that a kill limit never falls below U is the applier's to hold (H5).
 */
import type { Allocation, FunctionDecision, PolicyName, StageDecision, UserAllocation } from "@openwhisk-harvest/core";
import { capped, capsOf } from "./caps.js";
import { demandOf } from "./demand.js";
import type { Policy } from "./policy.js";
import { splitForMakespan } from "./policy-makespan.js";
import { splitForSurvival } from "./policy-memory.js";
import { splitAsPaper } from "./policy-paper.js";
import { type Predictions, predict } from "./predict.js";
import { isTrusted, membersOf, type SharingFunction, type SharingStage, sharingBranches } from "./sharing.js";
import { splitResource } from "./split-resource.js";
import { functionTimeMs, stageTimeMs } from "./stage-time.js";
import { type DecisionDraft, type DecisionState, decidesStages, type Resource } from "./state.js";

export type Policies = Readonly<Record<Resource, Policy>>;

const POLICIES_BY_NAME: Readonly<Record<PolicyName, Policies>> = {
  paper: { cpuCores: splitAsPaper, memoryMb: splitAsPaper },
  makespan: { cpuCores: splitForMakespan, memoryMb: splitForSurvival },
};

export function decide(state: DecisionState): DecisionDraft {
  return splitStages(state, predict(state));
}

/** All that follows the prediction; apart, so that the service can time the two. */
export function splitStages(state: DecisionState, predictions: Predictions, policies = POLICIES_BY_NAME[state.policy]): DecisionDraft {
  const { dag, model, mode, policy, grid, inputBytes, namespace, root } = state;
  const faults: string[] = [];
  const decideOne = (stage: SharingStage) => decideStage(state, stage, predictions, policies, faults);
  return {
    v: 1,
    namespace,
    dag: dag.name,
    dagVersion: dag.version,
    root,
    mode,
    policy,
    grid,
    ...(model && { modelVersion: model.document.version }),
    inputBytes,
    stages: decidesStages(mode) ? dag.stages.map(decideOne) : [],
    faults,
  };
}

function decideStage(
  state: DecisionState,
  stage: SharingStage,
  predictions: Predictions,
  policies: Policies,
  faults: string[],
): StageDecision {
  const members = membersOf(state.dag, stage).map((fn) => normalize(state, fn, predictions));
  const toSplit = { state, stage, members, predictions };
  const cpu = splitResource(toSplit, "cpuCores", policies.cpuCores);
  const memory = splitResource(toSplit, "memoryMb", policies.memoryMb);
  for (const { fault } of [cpu, memory]) if (fault !== undefined) faults.push(fault);

  const functions = members.map((fn) => withAllocation(fn, cpu.amounts.get(fn.index), memory.amounts.get(fn.index)));
  const predictedMs = predictedStageMs(functions);
  return {
    forkPath: stage.forkPath,
    kind: stage.kind,
    budget: { cpuCores: cpu.budget, memoryMb: memory.budget },
    cpu: cpu.verdict,
    memory: memory.verdict,
    ...(predictedMs && { predictedMs }),
    functions,
  };
}

/** A member of the stage at its user allocation, with its prediction and, where that is trusted, its demand. */
function normalize(state: DecisionState, fn: SharingFunction, predictions: Predictions): FunctionDecision {
  const predicted = predictions.get(fn.index)?.predicted;
  const { cpuCores, cpuSource, memoryMb } = fn.user;
  const user: UserAllocation = { ...(cpuCores !== undefined && { cpuCores }), cpuSource, memoryMb };
  return {
    index: fn.index,
    name: fn.name,
    astPath: fn.astPath,
    ...(fn.position !== undefined && { position: fn.position }),
    user,
    ...(predicted && { predicted }),
    ...(predicted && isTrusted({ predicted }) && { demand: cappedDemandOf(state, fn, predicted) }),
    allocation: { ...(cpuCores !== undefined && { cpuCores }), memoryMb },
    ...(fn.excluded && { excluded: fn.excluded }),
  };
}

function cappedDemandOf(
  state: DecisionState,
  { bounds, user }: SharingFunction,
  predicted: NonNullable<FunctionDecision["predicted"]>,
): Allocation {
  const { grid, policy, marginSpread } = state;
  const demand = demandOf(predicted, grid, policy, marginSpread);
  const within = (resource: Resource) => {
    const caps = capsOf(grid[resource], bounds, resource);
    return caps ? capped(demand[resource], caps) : (user[resource] ?? demand[resource]);
  };
  return { cpuCores: within("cpuCores"), memoryMb: within("memoryMb") };
}

function withAllocation(fn: FunctionDecision, cpuCores: number | undefined, memoryMb: number | undefined): FunctionDecision {
  const allocation = { ...fn.allocation, ...(cpuCores !== undefined && { cpuCores }), ...(memoryMb !== undefined && { memoryMb }) };
  return { ...fn, allocation };
}

/** Before and after, over the branches that share the stage's CPU; nothing when none does. */
function predictedStageMs(functions: readonly FunctionDecision[]): StageDecision["predictedMs"] {
  const sharing = sharingBranches(functions, "cpuCores");
  if (sharing.length === 0) return undefined;
  const timeWith = (coresOf: (fn: FunctionDecision) => number | undefined) =>
    stageTimeMs(sharing, (fn) =>
      functionTimeMs(fn.predicted?.workCoreMs.mean as number, coresOf(fn) as number, fn.demand?.cpuCores as number),
    );
  return { user: timeWith((fn) => fn.user.cpuCores), allocated: timeWith((fn) => fn.allocation.cpuCores) };
}
