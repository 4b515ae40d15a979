/**
 * What each branch should have, as things stand: the targets of the running branches, resource by resource. Pure
 * arithmetic.
 *
 * share-out.1  A branch that asked for what was taken from it gets U (H5): from what is free, else from receivers,
 *     which give way step by step, the one that would be done first before the others; they are waited for as long as
 *     `giveWayMs`, and then U is given all the same.
 * share-out.2  Whatever is above B, for whatever reason, receivers give back.
 * share-out.3  When none waits, what is free goes to the slowest, step by step on the grid, as policy `makespan` does
 *     it (see there for why this is optimal), by the work that is left: first up to what was published for each, then
 *     up to its ceiling. None loses anything by it. A branch that has not started takes part, so that its steps are
 *     still there when it does.
 * share-out.4  Memory is of use only to a branch that gets all of its demand: those with the smallest shortage come
 *     first.
 */
import { atIndex, floorToGrid, type GridAxis, lastIndex } from "@openwhisk-harvest/core";
import {
  type Branch,
  budgetOf,
  excessOf,
  type FunctionTerms,
  heldOf,
  type LeasedRun,
  newestPlan,
  type Resource,
  runningIn,
  type Stage,
  sharesIn,
  TOLERANCE,
  totalHeld,
} from "./stage.js";

export interface ShareRules {
  /** How long receivers are waited for. Appliers wait 100 ms for us before they help themselves. */
  readonly giveWayMs: number;
  /** Not worth a plan: a branch that will be done by then. */
  readonly soonDoneMs: number;
  /**
   * A run that has used up all of W and goes on is taken to have so much of what it has used before it: the longer, the
   * more.
   */
  readonly residualShare: number;
}

/** By position; running branches only. */
export type Targets = Map<number, number>;

export function targetsOf(stage: Stage, resource: Resource, nowMs: number, rules: ShareRules): Targets {
  const targets: Targets = new Map();
  for (const branch of stage.branches) {
    const run = runningIn(branch);
    if (run && sharesIn(branch, resource)) targets.set(branch.terms.position, newestPlan(run).amounts[resource]);
  }
  const free = budgetOf(stage, resource) - totalHeld(stage, resource);
  const { left, short } = serveAsking(stage, resource, targets, { free, nowMs, giveWayMs: rules.giveWayMs });
  if (short > TOLERANCE) giveWay(stage, resource, targets, short, nowMs, rules);
  else if (left > TOLERANCE) growFrom(stage, resource, targets, left, nowMs, rules);
  return targets;
}

/** share-out.1 for the branches that ask. What is left, and by how much all that is held or waited for exceeds B. */
function serveAsking(
  stage: Stage,
  resource: Resource,
  targets: Targets,
  { free, nowMs, giveWayMs }: { free: number; nowMs: number; giveWayMs: number },
): { left: number; short: number } {
  let left = free;
  let short = excessOf(stage, resource);
  for (const branch of stage.branches) {
    const run = runningIn(branch);
    const askedAtMs = run?.askedAtMs[resource];
    if (!run || askedAtMs === undefined || newestPlan(run).amounts[resource] >= run.fn.user[resource] - TOLERANCE) continue;
    const need = Math.max(0, run.fn.user[resource] - heldOf(branch, resource));
    const canWait = nowMs - askedAtMs < giveWayMs && receiversOf(stage, resource).length > 0;
    if (need <= left + TOLERANCE || !canWait) targets.set(branch.terms.position, run.fn.user[resource]);
    short += Math.max(0, need - Math.max(0, left));
    left -= need;
  }
  return { left, short };
}

/** Holds more than U, or has been told to hold less and has not answered yet. */
function receiversOf({ branches }: Stage, resource: Resource): Branch[] {
  return branches.filter((branch) => {
    const run = runningIn(branch);
    return run && sharesIn(branch, resource) && heldOf(branch, resource) > run.fn.user[resource] + TOLERANCE;
  });
}

/** By share-out.1 and share-out.2: takes steps from receivers until `short` is covered by them, or none is above U. */
function giveWay(stage: Stage, resource: Resource, targets: Targets, short: number, nowMs: number, rules: ShareRules): void {
  const receivers = receiversOf(stage, resource);
  const targetOf = (branch: Branch) => targets.get(branch.terms.position) as number;
  const coming = receivers.reduce((sum, branch) => sum + Math.max(0, heldOf(branch, resource) - targetOf(branch)), 0);
  for (let missing = short - coming; missing > TOLERANCE; ) {
    const above = receivers.filter((branch) => targetOf(branch) > (branch.run as LeasedRun).fn.user[resource] + TOLERANCE);
    const giver = firstDone(above, targets, resource, nowMs, rules);
    if (!giver) return;
    const less = stepDown(stage.terms.grid[resource], targetOf(giver), (giver.run as LeasedRun).fn.user[resource]);
    missing -= targetOf(giver) - less;
    targets.set(giver.terms.position, less);
  }
}

function firstDone(
  branches: readonly Branch[],
  targets: Targets,
  resource: Resource,
  nowMs: number,
  rules: ShareRules,
): Branch | undefined {
  const doneInMs = (branch: Branch) => {
    const { fn } = branch.run as LeasedRun;
    const cores = resource === "cpuCores" ? (targets.get(branch.terms.position) as number) : fn.user.cpuCores;
    return remainingMs(remainingCoreMs(branch, nowMs, rules), cores, fn);
  };
  return branches.reduce<Branch | undefined>((first, one) => (first && doneInMs(first) <= doneInMs(one) ? first : one), undefined);
}

/** share-out.3 for CPU, share-out.4 for memory. */
function growFrom(stage: Stage, resource: Resource, targets: Targets, free: number, nowMs: number, rules: ShareRules): void {
  if (stage.branches.some((branch) => runningIn(branch)?.recalledEpoch !== undefined)) return; // ledger.ts, ledger.L7
  const candidates = stage.branches.flatMap((branch) => candidateOf(stage, branch, resource, nowMs, rules));
  if (resource === "cpuCores") growCpu(stage.terms.grid.cpuCores, candidates, free);
  else growMemory(candidates, free);
  for (const { position, held, amount } of candidates) if (amount > held && targets.has(position)) targets.set(position, amount);
}

/** Mutable while it is shared out. */
interface Candidate {
  readonly position: number;
  readonly fn: FunctionTerms;
  readonly remainingCoreMs: number;
  readonly ceiling: number;
  /** What was published for it. */
  readonly published: number;
  readonly held: number;
  amount: number;
}

function candidateOf(stage: Stage, branch: Branch, resource: Resource, nowMs: number, rules: ShareRules): Candidate[] {
  if (!sharesIn(branch, resource) || branch.phase === "ended" || branch.phase === "lost") return [];
  const run = runningIn(branch);
  if (run && (run.activationId === undefined || run.askedAtMs[resource] !== undefined || isLimitedByNode(run, resource))) return [];
  const fn = run?.fn ?? (branch.terms.functions[0] as FunctionTerms);
  const ceiling = floorToGrid(stage.terms.grid[resource], fn.ceiling[resource] + TOLERANCE);
  const held = heldOf(branch, resource);
  const left = remainingCoreMs(branch, nowMs, rules);
  const cores = resource === "cpuCores" ? held : (run?.inForce.cpuCores ?? fn.allocation.cpuCores);
  if (ceiling === undefined || ceiling <= held + TOLERANCE || remainingMs(left, cores, fn) < rules.soonDoneMs) return [];
  const published = Math.min(fn.allocation[resource], ceiling);
  return [{ position: branch.terms.position, fn, remainingCoreMs: left, ceiling, published, held, amount: held }];
}

/** Its node has not even what it was given last: more would lie idle. */
function isLimitedByNode(run: LeasedRun, resource: Resource): boolean {
  const { epoch, amounts } = newestPlan(run);
  return run.plans.length === 1 && epoch > 0 && run.inForce[resource] < amounts[resource] - TOLERANCE;
}

function growCpu(axis: GridAxis, candidates: readonly Candidate[], free: number): void {
  const left = growUpTo(axis, candidates, free, ({ published }) => published);
  growUpTo(axis, candidates, left, ({ ceiling }) => ceiling);
}

/** What is left. */
function growUpTo(axis: GridAxis, candidates: readonly Candidate[], free: number, mostOf: (one: Candidate) => number): number {
  let left = free;
  const growing = new Set(candidates);
  while (growing.size > 0 && left > TOLERANCE) {
    const timeOf = ({ remainingCoreMs: work, amount, fn }: Candidate) => remainingMs(work, amount, fn);
    const slowest = [...growing].reduce((slow, one) => (timeOf(one) > timeOf(slow) ? one : slow));
    const more = stepUp(axis, slowest.amount);
    if (more === undefined || more > mostOf(slowest) + TOLERANCE || more - slowest.amount > left + TOLERANCE) growing.delete(slowest);
    else {
      left -= more - slowest.amount;
      slowest.amount = more;
    }
  }
  return left;
}

function growMemory(candidates: readonly Candidate[], free: number): void {
  let left = free;
  for (const one of candidates.toSorted((a, b) => a.ceiling - a.amount - (b.ceiling - b.amount))) {
    if (one.ceiling - one.amount > left + TOLERANCE) return;
    left -= one.ceiling - one.amount;
    one.amount = one.ceiling;
  }
}

/** W less what it has used: as its applier said, and since then what it can have used at most. */
export function remainingCoreMs(branch: Branch, nowMs: number, { residualShare }: ShareRules): number {
  const run = runningIn(branch);
  const functions = branch.terms.functions;
  if (!run) return functions.reduce((sum, fn) => sum + fn.workCoreMs, 0);
  const { fn, used, inForce } = run;
  const usedCoreMs = used.coreMs + Math.max(0, nowMs - used.atMs) * Math.min(inForce.cpuCores, fn.ceiling.cpuCores);
  const later = functions.slice(functions.indexOf(fn) + 1).reduce((sum, { workCoreMs }) => sum + workCoreMs, 0);
  return later + Math.max(fn.workCoreMs - usedCoreMs, residualShare * usedCoreMs);
}

function remainingMs(workCoreMs: number, cpuCores: number, fn: FunctionTerms): number {
  return workCoreMs / Math.max(TOLERANCE, Math.min(cpuCores, fn.ceiling.cpuCores));
}

/** The next allocation on the grid above an amount; undefined at its end. */
function stepUp(axis: GridAxis, amount: number): number | undefined {
  const k = Math.floor((amount - axis.min) / axis.step + TOLERANCE) + 1;
  return k > lastIndex(axis) ? undefined : atIndex(axis, Math.max(0, k));
}

/** The next one below, but never below U, which need not lie on the grid. */
function stepDown(axis: GridAxis, amount: number, user: number): number {
  const k = Math.ceil((amount - axis.min) / axis.step - TOLERANCE) - 1;
  return k < 0 ? user : Math.max(user, atIndex(axis, Math.min(k, lastIndex(axis))));
}
