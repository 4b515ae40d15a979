/**
 * A hold: a node's record that it has changed the limits of one run (architecture, 2). A pure machine: (hold, event) -> (hold,
 * effects); the clock, the samples, Redis and the control group are the caller's. Every applier uses this one, on any platform.
 *
 *   held --at its limit, beyond what was predicted--> asked --no help within answerMs--> given-back
 *    | ^                                               | |                                   |
 *    | +----------------a plan that helps--------------+ |                                   |
 *    |                                                   |                                   |
 *    +--half of the time limit has passed----------------+---------------> given-back        |
 *    +--end, death, restart, expiry--> over <------------+-----------------------------------+
 *
 * How much CPU the hold wants is claimOf(hold), at any moment; node-budget.ts says how much of that the node gives (H6). What is in
 * force comes back as the event `in-force`.
 *
 * hold.K1  Epochs rise: a plan that is not newer than the last one changes nothing. A plan that is not believed (belief.ts) is no plan.
 * hold.K2  The kill limit is fixed at the start and never below U (H5). Less memory than U is `memory.high` where there is such a thing,
 *          else accounting alone; it is lifted for good as soon as the run comes near it, and never set below what is in use.
 * hold.K3  A donor (less CPU than U) that works at its limit for a window says `throttled`, once for each plan. If the plan says how much
 *          work it counts on, that must be used up first: a donor with less to do than the others works at its limit by plan.
 * hold.K4  Unless a plan brings it more CPU within answerMs, a donor that said so claims U by itself (H5 before H1).
 * hold.K5  When half of its time limit has passed, a donor claims U: a prediction that was so wrong may slow it down, not end it (H5).
 *          It comes by the clock (nextTickMs), as do the answer's deadline of hold.K4 and the expiry, whether anything is sampled or not.
 * hold.K6  What was given back is not taken again: after hold.K4 or hold.K5 no plan brings the claim below U.
 * hold.K7  A hold ends once, and then does nothing more. Unless its container died, the user's limits are restored then.
 * hold.K8  The applier's word: once the node has settled, the ledger is told every epoch that was taken up, and every move of the CPU.
 * hold.K9  The allocation of the start gives CPU up to U only. What is above U is another run's to give up first, so it comes by a plan,
 *          when the ledger has that one's word (H1).
 */
import { type Allocation, type Grid, newer, type Observation, type PublishedAllocation } from "@openwhisk-harvest/core";
import { type Beneficiary, believedAllocation } from "./belief.js";
import { type LimitHistory, meanCores, movedTo, startHistory } from "./limit-history.js";

export const HOLD_RULES = {
  /** Over so long a donor must have been at its limit; two CFS periods, so that one burst does not count. */
  windowMs: 200,
  /**
   * At its limit is a run that uses `atLimitShare` of it and is throttled now and then (a single thread under a limit of one core is not,
   * and could use no more), or that is throttled for `throttledShare` of the window, however little it uses on average.
   */
  atLimitShare: 0.9,
  nowAndThenShare: 0.05,
  throttledShare: 0.5,
  /** How long a donor that said `throttled` waits for a plan: a ledger decides in a few ms, and Redis is two hops. */
  answerMs: 100,
  /** Near its memory is a run whose working set is above this share of it. */
  nearMemoryShare: 0.9,
  /** hold.K5: which share of the time limit is half time. */
  halfTimeShare: 0.5,
  /** So long after its time limit a hold expires by itself, should the word of its end have been lost. */
  graceMs: 10_000,
};
export type HoldRules = Readonly<typeof HOLD_RULES>;

/** What a hold is opened with. All times are of one clock that never goes back. */
export interface HoldTerms {
  readonly startedAtMs: number;
  /** The action's. */
  readonly timeLimitMs: number;
  /** What the run would have had on this node without us. */
  readonly user: Allocation;
  /** What it was admitted with. CPU: the node's budget has it for sure; memory: at least U, the kill limit. */
  readonly granted: Allocation;
  /** The believed allocation; absent for a run that keeps U, or is profiled, and takes no part in plans. */
  readonly allocation?: PublishedAllocation;
  readonly beneficiary: Beneficiary;
  readonly grid: Grid;
}

export type HoldPhase = "held" | "asked" | "given-back" | "over";

/** One reading of what the run has used since it started. */
export interface HoldSample {
  readonly atMs: number;
  readonly cpuTimeMs: number;
  /** Absent where it is not counted. */
  readonly throttledMs?: number;
  readonly memoryMb: number;
}

export interface Hold {
  readonly phase: HoldPhase;
  readonly terms: HoldTerms;
  /** The newest plan, or the allocation of the start. */
  readonly plan?: PublishedAllocation;
  /** Since when it waits for help; only in `asked`. */
  readonly askedAtMs?: number;
  /** The plan of this epoch has been called too small (hold.K3). */
  readonly throttledEpoch?: number;
  /** hold.K2: lifted for good. */
  readonly memoryGivenBack: boolean;
  /** `memory.high` as it was last ordered; absent: none. */
  readonly memoryHighMb?: number;
  readonly lastSample?: HoldSample;
  /** Where the window of hold.K3 began. */
  readonly windowStart?: HoldSample;
  /** CPU limits in force over time; absent until the first is. */
  readonly history?: LimitHistory;
  /** hold.K8: what the ledger was last told to be in force. */
  readonly told?: { readonly epoch: number; readonly cpuCores: number };
}

export type HoldEvent =
  | { readonly type: "plan"; readonly atMs: number; readonly allocation: PublishedAllocation }
  | ({ readonly type: "sample" } & HoldSample)
  /** Time has passed: due at nextTickMs. */
  | { readonly type: "tick"; readonly atMs: number }
  /** This CPU limit is in force now. */
  | { readonly type: "in-force"; readonly atMs: number; readonly cpuCores: number }
  /** The node can do no more for now: what is in force is what the claim comes to. */
  | { readonly type: "settled" }
  /** The run has ended, or its container has died, or the node starts anew and finds this hold in its records. */
  | { readonly type: "end" | "died" | "restart"; readonly atMs: number };

export type HoldEffect =
  /** Tell the ledger, with all limits in force (events.ts). */
  | { readonly type: "tell"; readonly what: "applied" | "throttled" | "near-memory" }
  /** Set `memory.high`, or lift it when `memoryMb` is absent. */
  | { readonly type: "memory-high"; readonly memoryMb?: number }
  /** Put the user's limits back, all of them. */
  | { readonly type: "restore" };

export interface HoldStep {
  readonly hold: Hold;
  readonly effects: readonly HoldEffect[];
}

/** What a run may have of its node's CPU, and how urgently. See node-budget.ts. */
export interface CpuClaim {
  /** Admitted, and its own whatever happens. */
  readonly floorCores: number;
  /** U: up to here a claim comes before all excess over U. */
  readonly userCores: number;
  readonly wantsCores: number;
  /** It suffers: first among those below U. */
  readonly urgent: boolean;
}

export function openHold(terms: HoldTerms, rules: HoldRules = HOLD_RULES): HoldStep {
  const hold: Hold = { phase: "held", terms, memoryGivenBack: false, ...(terms.allocation && { plan: terms.allocation }) };
  return orderMemory({ hold, effects: [] }, rules);
}

export function claimOf({ phase, terms, plan }: Hold): CpuClaim {
  const userCores = terms.user.cpuCores;
  if (phase === "over") return { floorCores: 0, userCores, wantsCores: 0, urgent: false };
  const planned = plan ? plannedCores(plan, terms) : terms.granted.cpuCores;
  const givenBack = phase === "given-back";
  const profiled = !terms.allocation;
  return {
    floorCores: profiled ? terms.granted.cpuCores : Math.min(userCores, terms.granted.cpuCores, planned),
    userCores,
    wantsCores: givenBack ? Math.max(userCores, planned) : planned,
    urgent: givenBack,
  };
}

/** hold.K9 */
function plannedCores({ cpuCores, epoch }: PublishedAllocation, { user, allocation }: HoldTerms): number {
  const cores = cpuCores ?? user.cpuCores;
  return epoch === allocation?.epoch ? Math.min(cores, user.cpuCores) : cores;
}

/** hold.K7: over is over; all else by kind of event. */
export function stepHold(hold: Hold, event: HoldEvent, rules: HoldRules = HOLD_RULES): HoldStep {
  if (hold.phase === "over") return { hold, effects: [] };
  switch (event.type) {
    case "plan":
      return takePlan(hold, event.allocation, rules);
    case "sample":
      return pass(takeSample(hold, event, rules), event.atMs, rules);
    case "tick":
      return pass({ hold, effects: [] }, event.atMs, rules);
    case "in-force":
      return { hold: takeInForce(hold, event.atMs, event.cpuCores), effects: [] };
    case "settled":
      return giveWord(hold);
    case "died":
      return { hold: over(hold), effects: [] };
    case "end":
    case "restart":
      return { hold: over(hold), effects: [{ type: "restore" }] };
  }
}

/** When time alone changes something next: hold.K4, hold.K5 or the expiry. Infinity for a hold that is over. */
export function nextTickMs(hold: Hold, rules: HoldRules = HOLD_RULES): number {
  const { phase, askedAtMs, terms } = hold;
  if (phase === "over") return Number.POSITIVE_INFINITY;
  if (phase === "given-back" || !isDonor(hold)) return expiryMs(terms, rules);
  const answerDueMs = askedAtMs === undefined ? Number.POSITIVE_INFINITY : askedAtMs + rules.answerMs;
  return Math.min(answerDueMs, halfTimeMs(terms, rules), expiryMs(terms, rules));
}

function halfTimeMs({ startedAtMs, timeLimitMs }: HoldTerms, { halfTimeShare }: HoldRules): number {
  return startedAtMs + halfTimeShare * timeLimitMs;
}

function expiryMs({ startedAtMs, timeLimitMs }: HoldTerms, { graceMs }: HoldRules): number {
  return startedAtMs + timeLimitMs + graceMs;
}

/** A donor has less CPU than U by the newest plan. */
function isDonor({ terms, plan }: Hold): boolean {
  return plan?.cpuCores !== undefined && plan.cpuCores < terms.user.cpuCores;
}

/** hold.K1 */
function takePlan(hold: Hold, incoming: PublishedAllocation, rules: HoldRules): HoldStep {
  const { terms, plan } = hold;
  if (!plan || !newer(plan, incoming)) return { hold, effects: [] };
  const allocation = believedAllocation(incoming, terms.beneficiary, terms.grid);
  if (!allocation) return { hold, effects: [] };
  const { windowStart: _window, ...rest } = hold;
  const planned: Hold = { ...rest, plan: allocation };
  return orderMemory({ hold: helps(hold, allocation) ? heldAgain(planned) : planned, effects: [] }, rules);
}

/** Whether a plan is an answer to `throttled`: more CPU than is in force. */
function helps({ phase, terms, history }: Hold, { cpuCores }: PublishedAllocation): boolean {
  return phase === "asked" && (cpuCores ?? terms.user.cpuCores) > (history?.cpuCores ?? 0);
}

function heldAgain(hold: Hold): Hold {
  const { askedAtMs: _asked, ...rest } = hold;
  return { ...rest, phase: "held" };
}

function takeInForce(hold: Hold, atMs: number, cpuCores: number): Hold {
  const { windowStart: _window, ...rest } = hold;
  return { ...rest, history: hold.history ? movedTo(hold.history, atMs, cpuCores) : startHistory(atMs, cpuCores) };
}

/** hold.K8 */
function giveWord(hold: Hold): HoldStep {
  const { plan, history, told } = hold;
  if (!plan || !history || (told?.epoch === plan.epoch && told.cpuCores === history.cpuCores)) return { hold, effects: [] };
  return {
    hold: { ...hold, told: { epoch: plan.epoch, cpuCores: history.cpuCores } },
    effects: [{ type: "tell", what: "applied" }],
  };
}

function takeSample(hold: Hold, sample: HoldSample, rules: HoldRules): HoldStep {
  const seen: Hold = { ...hold, lastSample: sample, windowStart: hold.windowStart ?? sample };
  return watchCpu(watchMemory(seen, sample.memoryMb, rules), sample, rules);
}

/** hold.K2 */
function watchMemory(hold: Hold, memoryMb: number, rules: HoldRules): HoldStep {
  const harvestedMb = harvestedMemoryMb(hold);
  if (harvestedMb === undefined || memoryMb < rules.nearMemoryShare * harvestedMb) return { hold, effects: [] };
  const after = orderMemory({ hold: { ...hold, memoryGivenBack: true }, effects: [] }, rules);
  return { ...after, effects: [...after.effects, { type: "tell", what: "near-memory" }] };
}

/** hold.K3 */
function watchCpu({ hold, effects }: HoldStep, sample: HoldSample, rules: HoldRules): HoldStep {
  const { windowStart, plan, phase, throttledEpoch } = hold;
  if (!windowStart || sample.atMs - windowStart.atMs < rules.windowMs) return { hold, effects };
  const next: Hold = { ...hold, windowStart: sample };
  const told = plan && throttledEpoch === plan.epoch;
  if (phase !== "held" || told || !isDonor(hold) || !isAtLimit(hold, windowStart, sample, rules)) return { hold: next, effects };
  if (plan?.workCoreMs !== undefined && sample.cpuTimeMs < plan.workCoreMs) return { hold: next, effects };
  return {
    hold: { ...next, phase: "asked", askedAtMs: sample.atMs, ...(plan && { throttledEpoch: plan.epoch }) },
    effects: [...effects, { type: "tell", what: "throttled" }],
  };
}

function isAtLimit({ history }: Hold, from: HoldSample, to: HoldSample, rules: HoldRules): boolean {
  const elapsedMs = to.atMs - from.atMs;
  const usesItsLimit = (to.cpuTimeMs - from.cpuTimeMs) / elapsedMs >= rules.atLimitShare * (history?.cpuCores ?? Number.POSITIVE_INFINITY);
  if (from.throttledMs === undefined || to.throttledMs === undefined) return usesItsLimit;
  const throttledShare = (to.throttledMs - from.throttledMs) / elapsedMs;
  return throttledShare >= rules.throttledShare || (usesItsLimit && throttledShare >= rules.nowAndThenShare);
}

/** hold.K4, hold.K5, and expiry. */
function pass({ hold, effects }: HoldStep, atMs: number, rules: HoldRules): HoldStep {
  if (atMs >= expiryMs(hold.terms, rules)) return { hold: over(hold), effects: [...effects, { type: "restore" }] };
  if (hold.phase === "given-back") return { hold, effects };
  const unanswered = hold.askedAtMs !== undefined && atMs - hold.askedAtMs >= rules.answerMs;
  const isHalfTime = atMs >= halfTimeMs(hold.terms, rules);
  if (!(unanswered || isHalfTime) || !isDonor(hold)) return { hold, effects };
  const { askedAtMs: _asked, ...rest } = hold;
  return { hold: { ...rest, phase: "given-back" }, effects };
}

/** What counts as its memory now: the harvested one, or else the kill limit. */
export function memoryInForceMb(hold: Hold): number {
  return harvestedMemoryMb(hold) ?? Math.max(hold.terms.user.memoryMb, hold.terms.granted.memoryMb);
}

/** The harvested memory, while less than U is in force. */
function harvestedMemoryMb({ plan, terms, memoryGivenBack }: Hold): number | undefined {
  if (memoryGivenBack || plan?.memoryMb === undefined || plan.memoryMb >= terms.user.memoryMb) return undefined;
  return plan.memoryMb;
}

/** hold.K2: `memory.high` follows the plan, unless the run already uses about as much. */
function orderMemory({ hold, effects }: HoldStep, { nearMemoryShare }: HoldRules): HoldStep {
  const usedMb = hold.lastSample?.memoryMb ?? 0;
  const harvestedMb = harvestedMemoryMb(hold);
  const memoryMb = harvestedMb !== undefined && usedMb < nearMemoryShare * harvestedMb ? harvestedMb : undefined;
  if (memoryMb === hold.memoryHighMb) return { hold, effects };
  const { memoryHighMb: _high, ...rest } = hold;
  const high = memoryMb === undefined ? {} : { memoryMb };
  return {
    hold: { ...rest, ...(memoryMb === undefined ? {} : { memoryHighMb: memoryMb }) },
    effects: [...effects, { type: "memory-high", ...high }],
  };
}

function over(hold: Hold): Hold {
  const { askedAtMs: _asked, ...rest } = hold;
  return { ...rest, phase: "over" };
}

/** The observation's `moved`, of a run that has come to its end and a hold that has not. */
export function movedOf({ history, phase }: Hold, nowMs: number): Observation["moved"] {
  if (!history || history.moves === 0) return undefined;
  return {
    times: history.moves,
    meanCpuCores: meanCores(history, nowMs),
    lastCpuCores: history.cpuCores,
    givenBack: phase === "given-back",
  };
}
