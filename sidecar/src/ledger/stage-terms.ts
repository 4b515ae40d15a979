/** From a decision to the terms of one stage's ledger, and from a run key to the stage that it belongs to. */
import { type Allocation, type FunctionDecision, formatTrail, type RunKey, type StageDecision } from "@openwhisk-harvest/core";
import type { DecisionRecord } from "../decision-record.js";
import { acceptedResources, countedOnCoreMs } from "../publish.js";
import { type BranchTerms, type FunctionTerms, RESOURCES, type StageTerms } from "./stage.js";

/** Which fork of its root run a run belongs to; undefined outside of parallel stages. */
export function forkOf({ trail }: Pick<RunKey, "trail">): { readonly fork: string; readonly forkPath: string } | undefined {
  const innermost = trail.at(-1);
  if (!innermost) return undefined;
  const { forkPath, forkNo } = innermost;
  return { fork: `${formatTrail(trail.slice(0, -1))}/${forkPath}.${forkNo}`, forkPath };
}

/** Undefined when nothing of the stage was accepted, so that there is nothing to keep a ledger of. */
export function stageTermsOf(decision: DecisionRecord, key: RunKey, timeoutMs: number): StageTerms | undefined {
  const of = forkOf(key);
  const stage = of && decision.stages.find(({ forkPath, fork }) => forkPath === of.forkPath && (!fork || isFork(key, fork)));
  if (!of || !stage) return undefined;
  const branches = branchesOf(stage);
  if (branches.length === 0) return undefined;
  const { root, id, namespace, grid } = decision;
  return { root, fork: of.fork, decision: id, namespace, grid, branches, timeoutMs };
}

function isFork({ trail }: RunKey, fork: NonNullable<StageDecision["fork"]>): boolean {
  return trail.at(-1)?.forkNo === fork.forkNo && formatTrail(trail.slice(0, -1)) === fork.trail;
}

/** Branches that share something, each with its functions in their order. */
function branchesOf(stage: StageDecision): BranchTerms[] {
  const byPosition = new Map<number, FunctionDecision[]>();
  for (const [at, fn] of stage.functions.entries()) {
    const position = fn.position ?? at;
    byPosition.set(position, [...(byPosition.get(position) ?? []), fn]);
  }
  return [...byPosition].flatMap(([position, functions]): BranchTerms[] => {
    const resources = RESOURCES.filter((resource) => functions.every((fn) => acceptedResources(stage, fn).includes(resource)));
    return resources.length === 0 ? [] : [{ position, resources, functions: functions.map((fn) => functionTerms(stage, fn)) }];
  });
}

function functionTerms(stage: StageDecision, fn: FunctionDecision): FunctionTerms {
  const user: Allocation = { cpuCores: fn.user.cpuCores ?? 0, memoryMb: fn.user.memoryMb };
  const accepted = acceptedResources(stage, fn);
  const allocation: Allocation = {
    cpuCores: accepted.includes("cpuCores") ? (fn.allocation.cpuCores ?? user.cpuCores) : user.cpuCores,
    memoryMb: accepted.includes("memoryMb") ? fn.allocation.memoryMb : user.memoryMb,
  };
  return {
    astPath: fn.astPath,
    name: fn.name,
    user,
    allocation,
    ceiling: { cpuCores: fn.demand?.cpuCores ?? user.cpuCores, memoryMb: fn.demand?.memoryMb ?? user.memoryMb },
    workCoreMs: fn.predicted?.workCoreMs.mean ?? 0,
    publishedWorkCoreMs: countedOnCoreMs(fn),
  };
}
