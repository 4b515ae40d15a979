/**
 * What the ledger of one stage knows: the terms of its decision, and how things stand in each branch. Values only;
 * ledger.ts moves them.
 *
 * A branch counts with what it might have in force at this moment, `heldOf`:
 *
 *   reserved   published, and not heard of yet: its own, for its container has U until its first run starts; or what was published for
 *              the functions that follow the first one in its branch, if that is more
 *   unheard    the same, after a restart: it may have ended meanwhile, so none has to give way for it
 *   running    the most of: what its applier said last, every plan that its applier has not passed yet, and what was published for
 *              the functions that follow it in its branch, because they will start with that
 *   between    a sequence between two of its functions: what was published for those to come
 *   ended      nothing; also `lost`, when its applier died
 */
import type { Allocation, Grid, PublishedAllocation } from "@openwhisk-harvest/core";

export type Resource = keyof Allocation;
export const RESOURCES: readonly Resource[] = ["cpuCores", "memoryMb"];

/** One function of a branch. */
export interface FunctionTerms {
  readonly astPath: string;
  readonly name: string;
  readonly user: Allocation;
  /** As published: U where nothing was. */
  readonly allocation: Allocation;
  /** D within the bounds of the action: none is given more. */
  readonly ceiling: Allocation;
  /** W as predicted, and the margin that was published with it. */
  readonly workCoreMs: number;
  readonly publishedWorkCoreMs: number | undefined;
}

export interface BranchTerms {
  readonly position: number;
  /** What it shares; of anything else it has U, and no part in the budget. */
  readonly resources: readonly Resource[];
  /** One, or those of a sequence in their order. */
  readonly functions: readonly FunctionTerms[];
}

export interface StageTerms {
  /** R, and which fork of the run this is: `<outer trail>/<forkPath>.<forkNo>`. */
  readonly root: string;
  readonly fork: string;
  readonly decision: string;
  readonly namespace: string;
  readonly grid: Grid;
  readonly branches: readonly BranchTerms[];
  readonly timeoutMs: number;
}

/** A run starts with what was published; CPU above U comes only as a plan, when it is known to be given (hold.K9). */
export function startsWith({ user, allocation }: FunctionTerms): Allocation {
  return { cpuCores: Math.min(user.cpuCores, allocation.cpuCores), memoryMb: allocation.memoryMb };
}

/** A plan that the run's applier may or may not have taken up. */
export interface SentPlan {
  readonly epoch: number;
  readonly amounts: Allocation;
}

/** A run as the ledger knows it, from its first event on. */
export interface LeasedRun {
  readonly k: string;
  readonly seq: number;
  /** Absent until it is heard of, when the stage was taken up again. */
  readonly activationId: string | undefined;
  readonly fn: FunctionTerms;
  readonly node: string;
  /** `no` of the newest event. */
  readonly lastNo: number;
  readonly heardAtMs: number;
  readonly repeatMs: number | undefined;
  /** CPU time, and when it was that. */
  readonly used: { readonly coreMs: number; readonly atMs: number };
  /** The newest word. */
  readonly inForce: Allocation;
  /** Ascending epochs: the one its applier goes by, and what was sent since. */
  readonly plans: readonly [SentPlan, ...SentPlan[]];
  /**
   * Epoch of a plan of an earlier life, until its applier has answered it: what the plans before it gave is forgotten,
   * and may still be in force.
   */
  readonly recalledEpoch?: number;
  /** Since when it wants back what was taken from it, up to U. */
  readonly askedAtMs: Readonly<Partial<Record<Resource, number>>>;
}

export type BranchPhase = "reserved" | "unheard" | "running" | "between" | "ended" | "lost";

export interface Branch {
  readonly terms: BranchTerms;
  readonly phase: BranchPhase;
  /** The newest run, also after its end: by it late events are known. */
  readonly run?: LeasedRun;
}

export type CloseReason = "ended" | "timeout" | "paused";

export interface Stage {
  readonly terms: StageTerms;
  readonly openedAtMs: number;
  readonly branches: readonly Branch[];
  /** Of the newest plan. */
  readonly epoch: number;
  /** Above B, now; by give-back only. */
  readonly excess: Allocation;
  readonly closed?: CloseReason;
}

/** The same amount but for the noise of binary fractions. */
export const TOLERANCE = 1e-6;

export function newestPlan(run: LeasedRun): SentPlan {
  return run.plans.at(-1) as SentPlan;
}

export function sharesIn(branch: Branch, resource: Resource): boolean {
  return branch.terms.resources.includes(resource);
}

export function runningIn(branch: Branch): LeasedRun | undefined {
  return branch.phase === "running" ? branch.run : undefined;
}

export function heldOf(branch: Branch, resource: Resource): number {
  if (!sharesIn(branch, resource)) return 0;
  if (branch.phase === "ended" || branch.phase === "lost") return 0;
  const run = runningIn(branch);
  const { functions } = branch.terms;
  const toCome = functions.slice(branch.run ? functions.indexOf(branch.run.fn) + 1 : 1);
  const published = toCome.map((fn) => fn.allocation[resource]);
  if (!branch.run) return Math.max(startedFrom(branch, resource), ...published);
  if (!run) return Math.max(0, ...published);
  return Math.max(run.inForce[resource], ...run.plans.map((plan) => plan.amounts[resource]), ...published);
}

/**
 * Of a branch that has not been heard of. Memory is accounting alone below U, so it counts as published from the
 * beginning.
 */
function startedFrom(branch: Branch, resource: Resource): number {
  const first = startsWith(branch.terms.functions[0] as FunctionTerms)[resource];
  return resource === "cpuCores" ? Math.max(first, ownOf(branch, resource)) : first;
}

/** A sequence counts with the least U of its functions: so much is its own whichever of them runs. */
export function ownOf({ terms }: Branch, resource: Resource): number {
  return terms.resources.includes(resource) ? Math.min(...terms.functions.map((fn) => fn.user[resource])) : 0;
}

export function budgetOf({ branches }: Stage, resource: Resource): number {
  return branches.reduce((sum, branch) => sum + ownOf(branch, resource), 0);
}

export function totalHeld({ branches }: Stage, resource: Resource): number {
  return branches.reduce((sum, branch) => sum + heldOf(branch, resource), 0);
}

/** After a restart it is not known of every branch whether it still runs. */
export function isCertain(branch: Branch): boolean {
  const run = runningIn(branch);
  return run ? run.activationId !== undefined : branch.phase !== "unheard";
}

/**
 * What a branch holds for certain: of one that has not started no more than its own, and than what was published for
 * it.
 */
export function certainlyHeldOf(branch: Branch, resource: Resource): number {
  if (!isCertain(branch) || !sharesIn(branch, resource)) return 0;
  if (branch.phase !== "reserved") return heldOf(branch, resource);
  return Math.min(ownOf(branch, resource), Math.max(...branch.terms.functions.map((fn) => fn.allocation[resource])));
}

/** By how much the stage is above its budget for certain. */
export function excessOf(stage: Stage, resource: Resource): number {
  const excess = stage.branches.reduce((sum, branch) => sum + certainlyHeldOf(branch, resource), 0) - budgetOf(stage, resource);
  return excess > TOLERANCE ? excess : 0;
}

/** A plan's entry: complete, U by absence (core's plan.ts). */
export function entryOf({ terms }: Stage, branch: Branch, run: LeasedRun, { epoch, amounts }: SentPlan): PublishedAllocation {
  const told = (resource: Resource) =>
    sharesIn(branch, resource) && Math.abs(amounts[resource] - run.fn.user[resource]) > TOLERANCE ? { [resource]: amounts[resource] } : {};
  const { publishedWorkCoreMs: workCoreMs } = run.fn;
  return {
    v: 1,
    ...told("cpuCores"),
    ...told("memoryMb"),
    ...(workCoreMs !== undefined && { workCoreMs }),
    decision: terms.decision,
    namespace: terms.namespace,
    epoch,
  };
}
