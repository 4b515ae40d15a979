/**
 * The ledger of one parallel stage: what each branch holds of its budget B while it runs, and what moves. A pure
 * machine, (stage, event) -> (stage, effects); Redis, the clock and the decision are the caller's (ledgers.ts).
 *
 * What a donor does not have, and a receiver has, of its U is a lease. Leases are not kept one by one: a branch holds
 * an amount, the budget is what all may hold together, and what none holds is free. A branch's lease goes through these
 * states:
 *
 *   reserved --its first event: at most U--> running --end, others to come--> between --next start--> running
 *                                  |  ^                                                      |
 *      silence of its applier: lost  a later event                      end of the last: ended
 *
 *   and while it runs, for each resource:   lent --throttled | near-memory--> asking --a plan of U--> given back (for good)
 *                                           borrowed --a donor asks--> giving way --the applier's word--> borrowed less
 *
 *   the stage:   open --all branches ended | lost--> closed(ended)
 *                open --timeoutMs--> closed(timeout), and every run that goes on is planned to U
 *                open --its harvesting is paused--> closed(paused), likewise
 *
 * Every lease ends: with its run (end), with its stage (timeout, pause), with its applier (silence), with the
 * give-back; and when the sidecar itself starts anew, each stage is taken up again as Redis has it (ledgers.ts), or
 * stands as it was until its runs end.
 *
 * ledger.L1  (H1) What is held, counted as if every plan that may be in force were (stage.ts `heldOf`), never grows
 *     above B but by give-back, or by what an applier says to be in force already. So: shrink first, wait for the word,
 *     then grow. A stage's start is no exception: a receiver starts with U, and grows when its donors' words say that
 *     they have started.
 * ledger.L2  (H1) Each plan has a higher epoch than all before it in its stage. Words of older epochs do not bring
 *     older plans back.
 * ledger.L3  (H2) A plan is U, or lies on the grid, between minimum and maximum; none is planned above its ceiling but
 *     up to its U.
 * ledger.L4  (H5) A branch that asks gets U, after giveWayMs at the latest, and is not planned below it again.
 *     Receivers give way before that, and never below their own U.
 * ledger.L5  None loses anything for another's gain: amounts only shrink for a branch that asks, and to come back under
 *     B.
 * ledger.L6  Events that come twice, late, out of order, for another decision, namespace or run change nothing. A lost
 *     one costs time.
 * ledger.L7  While no applier can be heard, nothing moves; a closed stage never moves. After a restart none is given
 *     more than U before all plans of the earlier life have been answered.
 */
import { type LeaseEvent, type LeaseReport, type PlanEntries, type PublishedAllocation, parseRunKey } from "@openwhisk-harvest/core";
import { type ShareRules, targetsOf } from "./share-out.js";
import {
  type Branch,
  budgetOf,
  type CloseReason,
  entryOf,
  excessOf,
  heldOf,
  type LeasedRun,
  newestPlan,
  RESOURCES,
  type Resource,
  runningIn,
  type SentPlan,
  type Stage,
  type StageTerms,
  sharesIn,
  startsWith,
  TOLERANCE,
  totalHeld,
} from "./stage.js";

export interface LedgerRules extends ShareRules {
  /** An applier that has repeated itself and has said nothing for so many of its periods is dead. */
  readonly silentPeriods: number;
  /** How often it is looked whether a branch can now use what is free: one that seemed soon done, and was not. */
  readonly reviewMs: number;
}

export const LEDGER_RULES: LedgerRules = { giveWayMs: 80, soonDoneMs: 20, residualShare: 0.25, silentPeriods: 4, reviewMs: 100 };

export type LedgerEvent =
  | { readonly type: "heard"; readonly event: LeaseEvent }
  /** Time has passed. Not to be sent while no applier can be heard (ledger.L7). */
  | { readonly type: "tick" }
  /** Harvesting of the stage, or of one of its actions, has been paused or turned off. */
  | { readonly type: "pause" }
  /** No applier could be heard for a while: silence until now says nothing. */
  | { readonly type: "deaf" }
  /** What Redis has of earlier plans, when a stage is taken up again. */
  | { readonly type: "recall"; readonly plans: PlanEntries };

/** How a branch's amount of a resource moved; `give` is to the branch. */
export type MoveKind = "give" | "take" | "give-back";

export type LedgerEffect =
  | { readonly type: "plan"; readonly entries: Record<string, PublishedAllocation> }
  /** A receiver has started, and its lease is still to come (ledger.L1). */
  | { readonly type: "waiting"; readonly position: number }
  | { readonly type: "moved"; readonly kind: MoveKind; readonly resource: Resource; readonly position: number; readonly amount: number }
  /** An event that ledger.L6 dismisses. */
  | { readonly type: "dismissed"; readonly why: "late" | "foreign" }
  | { readonly type: "closed"; readonly reason: CloseReason };

export interface LedgerStep {
  readonly stage: Stage;
  readonly effects: readonly LedgerEffect[];
}

export function openStage(terms: StageTerms, epoch: number, nowMs: number): Stage {
  const branches = terms.branches.map((branch): Branch => ({ terms: branch, phase: "reserved" }));
  return { terms, openedAtMs: nowMs, branches, epoch, excess: { cpuCores: 0, memoryMb: 0 } };
}

export function stepLedger(stage: Stage, event: LedgerEvent, nowMs: number, rules: LedgerRules = LEDGER_RULES): LedgerStep {
  if (stage.closed) return { stage, effects: [] };
  switch (event.type) {
    case "heard":
      return hear(stage, event.event, nowMs, rules);
    case "tick":
      return settle(loseSilent(stage, nowMs, rules), [], nowMs, rules);
    case "pause":
      return closeWithUser(stage, [], "paused");
    case "deaf":
      return { stage: withRuns(stage, (run) => ({ ...run, heardAtMs: nowMs })), effects: [] };
    case "recall":
      return { stage: withExcess(recall(stage, event.plans, nowMs)), effects: [] };
  }
}

/** When a tick could change something. */
export function nextTickMs(stage: Stage, nowMs: number, rules: LedgerRules = LEDGER_RULES): number {
  if (stage.closed) return Number.POSITIVE_INFINITY;
  const times = [stage.openedAtMs + stage.terms.timeoutMs];
  if (totalHeld(stage, "cpuCores") < budgetOf(stage, "cpuCores") - TOLERANCE) times.push(nowMs + rules.reviewMs);
  for (const branch of stage.branches) {
    const run = runningIn(branch);
    if (run?.repeatMs !== undefined) times.push(run.heardAtMs + rules.silentPeriods * run.repeatMs);
    for (const resource of RESOURCES) {
      const askedAtMs = run?.askedAtMs[resource];
      if (run && askedAtMs !== undefined && newestPlan(run).amounts[resource] < run.fn.user[resource] - TOLERANCE)
        times.push(askedAtMs + rules.giveWayMs);
    }
  }
  return Math.min(...times);
}

function hear(stage: Stage, event: LeaseEvent, nowMs: number, rules: LedgerRules): LedgerStep {
  const { decision, namespace } = event.lease;
  const { seq, astPath, trail } = parseRunKey(event.k);
  const branch = stage.branches.find(({ terms }) => terms.position === trail.at(-1)?.position);
  const fn = branch?.terms.functions.find((one) => one.astPath === astPath);
  if (!branch || !fn || decision !== stage.terms.decision || namespace !== stage.terms.namespace)
    return { stage, effects: [{ type: "dismissed", why: "foreign" }] };
  const known = branch.run;
  const isSame = known !== undefined && isRunOf(known, event);
  if (known && (isSame ? event.lease.no <= known.lastNo || isOver(branch) : seq <= known.seq))
    return { stage, effects: [{ type: "dismissed", why: "late" }] };
  const before: LeasedRun = isSame ? { ...known, activationId: event.activationId } : firstHeard(event, fn, seq, nowMs);
  const run = ask(takeWord(before, event.lease, nowMs), branch, event, nowMs);
  const moved = isSame ? givenBackBy(branch, before, run) : waitsForLease(branch, run);
  const next: Branch = { terms: branch.terms, phase: event.type === "end" ? phaseAfter(branch, run) : "running", run };
  const epoch = Math.max(stage.epoch, event.lease.epoch);
  return settle(withBranch({ ...stage, epoch }, next), moved, nowMs, rules);
}

/** Of a recalled run the activation is not known before its first event. */
function isRunOf({ activationId, k }: LeasedRun, event: LeaseEvent): boolean {
  return activationId === undefined ? k === event.k : activationId === event.activationId;
}

/** An ended run never runs again; a lost one may only have been out of reach. */
function isOver({ phase }: Branch): boolean {
  return phase === "ended" || phase === "between";
}

function phaseAfter({ terms }: Branch, { fn }: LeasedRun): "between" | "ended" {
  return terms.functions.at(-1) === fn ? "ended" : "between";
}

/** Until its first word is read, it holds what it starts with. */
function firstHeard({ k, activationId, lease }: LeaseEvent, fn: LeasedRun["fn"], seq: number, nowMs: number): LeasedRun {
  return {
    k,
    seq,
    activationId,
    fn,
    node: lease.node,
    lastNo: -1,
    heardAtMs: nowMs,
    repeatMs: lease.repeatMs,
    used: { coreMs: 0, atMs: nowMs },
    inForce: startsWith(fn),
    plans: [{ epoch: lease.epoch, amounts: startsWith(fn) }],
    askedAtMs: {},
  };
}

function takeWord(before: LeasedRun, { no, epoch, limits, repeatMs, usedCoreMs }: LeaseReport, nowMs: number): LeasedRun {
  const { recalledEpoch, ...run } = before;
  const newest = newestPlan(run);
  const open = run.plans.filter((plan) => plan.epoch >= epoch); // ledger.L2: what its applier has passed is over
  const inForce = { cpuCores: limits.cpuCores ?? newest.amounts.cpuCores, memoryMb: limits.memoryMb };
  return {
    ...run,
    ...(recalledEpoch !== undefined && recalledEpoch > epoch && { recalledEpoch }),
    lastNo: no,
    heardAtMs: nowMs,
    repeatMs,
    used: usedCoreMs === undefined ? usedUntil(run, nowMs) : { coreMs: usedCoreMs, atMs: nowMs },
    inForce,
    plans: open.length > 0 ? (open as [SentPlan, ...SentPlan[]]) : [{ epoch, amounts: inForce }],
  };
}

/** What it can have used at most, now that its limits may change. */
function usedUntil({ used, inForce, fn }: LeasedRun, nowMs: number): LeasedRun["used"] {
  const cores = Math.min(inForce.cpuCores, fn.ceiling.cpuCores);
  return { coreMs: used.coreMs + Math.max(0, nowMs - used.atMs) * cores, atMs: nowMs };
}

const ASKED_BY: Readonly<Partial<Record<LeaseEvent["type"], Resource>>> = { throttled: "cpuCores", "near-memory": "memoryMb" };

/** Only what was lent can be asked back. */
function ask(run: LeasedRun, branch: Branch, { type }: LeaseEvent, nowMs: number): LeasedRun {
  const resource = ASKED_BY[type];
  if (!resource || !sharesIn(branch, resource) || run.askedAtMs[resource] !== undefined) return run;
  if (newestPlan(run).amounts[resource] >= run.fn.user[resource] - TOLERANCE) return run;
  return { ...run, askedAtMs: { ...run.askedAtMs, [resource]: nowMs } };
}

/** An applier that gave back by itself has not waited for a plan. */
function givenBackBy({ terms }: Branch, before: LeasedRun, after: LeasedRun): LedgerEffect[] {
  return terms.resources.flatMap((resource): LedgerEffect[] => {
    const most = Math.max(...before.plans.map((plan) => plan.amounts[resource]), before.inForce[resource]);
    const more = after.inForce[resource] - most;
    return more > TOLERANCE ? [{ type: "moved", kind: "give-back", resource, position: terms.position, amount: more }] : [];
  });
}

function waitsForLease({ terms }: Branch, { fn, inForce }: LeasedRun): LedgerEffect[] {
  const lacks = terms.resources.includes("cpuCores") && inForce.cpuCores < fn.allocation.cpuCores - TOLERANCE;
  return lacks ? [{ type: "waiting", position: terms.position }] : [];
}

function loseSilent(stage: Stage, nowMs: number, { silentPeriods }: LedgerRules): Stage {
  const isSilent = ({ heardAtMs, repeatMs }: LeasedRun) => repeatMs !== undefined && nowMs - heardAtMs >= silentPeriods * repeatMs;
  const branches = stage.branches.map((branch): Branch => {
    const run = runningIn(branch);
    return run && isSilent(run) ? { ...branch, phase: "lost" } : branch;
  });
  return { ...stage, branches };
}

/** Plans of an earlier life: until their runs are heard of, they count as if they were in force. */
function recall(stage: Stage, plans: PlanEntries, nowMs: number): Stage {
  const branches = stage.branches.map((branch): Branch => ({ ...branch, phase: "unheard" }));
  let recalled: Stage = { ...stage, branches };
  for (const [k, plan] of Object.entries(plans)) {
    if (plan.decision !== stage.terms.decision) continue;
    recalled = { ...recalled, epoch: Math.max(recalled.epoch, plan.epoch) };
    const { trail, astPath, seq } = parseRunKey(k);
    const branch = recalled.branches.find(({ terms }) => terms.position === trail.at(-1)?.position);
    const fn = branch?.terms.functions.find((one) => one.astPath === astPath);
    if (!branch || !fn || (branch.run && branch.run.seq >= seq)) continue;
    const amounts = { cpuCores: plan.cpuCores ?? fn.user.cpuCores, memoryMb: plan.memoryMb ?? fn.user.memoryMb };
    const run: LeasedRun = {
      k,
      seq,
      activationId: undefined,
      fn,
      node: "",
      lastNo: -1,
      heardAtMs: nowMs,
      repeatMs: undefined,
      used: { coreMs: 0, atMs: nowMs },
      inForce: startsWith(fn),
      plans: [{ epoch: plan.epoch, amounts }],
      recalledEpoch: plan.epoch,
      askedAtMs: backByPlan(branch, fn, amounts, nowMs),
    };
    recalled = withBranch(recalled, { terms: branch.terms, phase: "running", run });
  }
  return recalled;
}

/** ledger.L4 outlives a restart: a donor that was planned to U had asked, or was lucky, and keeps it. */
function backByPlan({ terms }: Branch, fn: LeasedRun["fn"], amounts: LeasedRun["inForce"], nowMs: number): LeasedRun["askedAtMs"] {
  const isBack = (resource: Resource) =>
    fn.allocation[resource] < fn.user[resource] - TOLERANCE && amounts[resource] >= fn.user[resource] - TOLERANCE;
  return Object.fromEntries(terms.resources.filter(isBack).map((resource) => [resource, nowMs]));
}

/** Closes the stage if it is over, else moves what is to be moved. */
function settle(stage: Stage, before: readonly LedgerEffect[], nowMs: number, rules: LedgerRules): LedgerStep {
  if (stage.branches.every(({ phase }) => phase === "ended" || phase === "lost")) return close(stage, before, "ended");
  if (nowMs - stage.openedAtMs >= stage.terms.timeoutMs) return closeWithUser(stage, before, "timeout");
  const byResource = new Map(RESOURCES.map((resource) => [resource, targetsOf(stage, resource, nowMs, rules)]));
  const targetOf = (branch: Branch, run: LeasedRun, resource: Resource) =>
    byResource.get(resource)?.get(branch.terms.position) ?? newestPlan(run).amounts[resource];
  const planned = plan(stage, (branch, run) => ({
    cpuCores: targetOf(branch, run, "cpuCores"),
    memoryMb: targetOf(branch, run, "memoryMb"),
  }));
  return { stage: withExcess(planned.stage), effects: [...before, ...planned.effects] };
}

/** One plan for all branches whose amounts change (ledger.L2). */
function plan(stage: Stage, targetOf: (branch: Branch, run: LeasedRun) => LeasedRun["inForce"]): LedgerStep {
  const epoch = stage.epoch + 1;
  const entries: Record<string, PublishedAllocation> = {};
  const moves: LedgerEffect[] = [];
  const branches = stage.branches.map((branch): Branch => {
    const run = runningIn(branch);
    if (!run) return branch;
    const amounts = targetOf(branch, run);
    const changes = movesOf(branch, run, amounts);
    if (changes.length === 0) return branch;
    moves.push(...changes);
    const sent: SentPlan = { epoch, amounts };
    entries[run.k] = entryOf(stage, branch, run, sent);
    return { ...branch, run: { ...run, plans: [...run.plans, sent] } };
  });
  if (moves.length === 0) return { stage, effects: [] };
  return { stage: { ...stage, branches, epoch }, effects: [{ type: "plan", entries }, ...moves] };
}

function movesOf({ terms }: Branch, run: LeasedRun, amounts: LeasedRun["inForce"]): LedgerEffect[] {
  return terms.resources.flatMap((resource): LedgerEffect[] => {
    const change = amounts[resource] - newestPlan(run).amounts[resource];
    if (Math.abs(change) <= TOLERANCE) return [];
    const kind: MoveKind = change < 0 ? "take" : run.askedAtMs[resource] === undefined ? "give" : "give-back";
    return [{ type: "moved", kind, resource, position: terms.position, amount: Math.abs(change) }];
  });
}

/** What still runs goes on with U. */
function closeWithUser(stage: Stage, before: readonly LedgerEffect[], reason: CloseReason): LedgerStep {
  const all = plan(stage, (_branch, run) => run.fn.user);
  return close(all.stage, [...before, ...all.effects], reason);
}

function close(stage: Stage, before: readonly LedgerEffect[], reason: CloseReason): LedgerStep {
  return { stage: { ...withExcess(stage), closed: reason }, effects: [...before, { type: "closed", reason }] };
}

function withExcess(stage: Stage): Stage {
  return { ...stage, excess: { cpuCores: excessOf(stage, "cpuCores"), memoryMb: excessOf(stage, "memoryMb") } };
}

function withBranch(stage: Stage, branch: Branch): Stage {
  return { ...stage, branches: stage.branches.map((one) => (one.terms.position === branch.terms.position ? branch : one)) };
}

function withRuns(stage: Stage, change: (run: LeasedRun) => LeasedRun): Stage {
  const branches = stage.branches.map((branch): Branch => {
    const run = runningIn(branch);
    return run ? { ...branch, run: change(run) } : branch;
  });
  return { ...stage, branches };
}

/** What a branch has above (a receiver) or below (a donor) its own, for people and metrics. */
export function leasedBy(branch: Branch, resource: Resource): number {
  const run = runningIn(branch);
  return run && sharesIn(branch, resource) ? heldOf(branch, resource) - run.fn.user[resource] : 0;
}
