/**
 * A stage with its appliers, for the tests of the ledger: what is really in force, and messages that may be lost,
 * doubled and overtaken on both ways. The appliers are as core's plan.ts and events.ts have them, and no cleverer than
 * that.
 */
import assert from "node:assert/strict";
import {
  type Allocation,
  type GridAxis,
  isOnGrid,
  type LeaseEvent,
  newer,
  type PublishedAllocation,
  type RunEventType,
} from "@openwhisk-harvest/core";
import { type LedgerEffect, nextTickMs, openStage, stepLedger } from "./ledger.js";
import {
  type Branch,
  budgetOf,
  type FunctionTerms,
  ownOf,
  RESOURCES,
  type Resource,
  type Stage,
  type StageTerms,
  startsWith,
} from "./stage.js";

export const ROOT = "0123456789abcdef0123456789abcdef";
export const DECISION = `${ROOT}-1`;
export const GRID = { cpuCores: { min: 0.25, max: 4, step: 0.25 }, memoryMb: { min: 128, max: 4096, step: 128 } };
const EPS = 1e-6;

export interface BranchSpec {
  /** In quarters of a core, and of 128 MB. */
  readonly userSteps: number;
  readonly allocationSteps: number;
  readonly ceilingSteps: number;
  readonly workCoreMs: number;
  /** More than one: a sequence. */
  readonly functions?: number;
}

export const astPathOf = (position: number, n: number) => `[1][${position}][${n}]`;

function functionOf({ userSteps, allocationSteps, ceilingSteps, workCoreMs }: BranchSpec, position: number, n: number): FunctionTerms {
  const amounts = (steps: number): Allocation => ({ cpuCores: steps / 4, memoryMb: steps * 128 });
  return {
    astPath: astPathOf(position, n),
    name: `/guest/f${position}`,
    user: amounts(userSteps),
    allocation: amounts(allocationSteps),
    ceiling: amounts(Math.max(userSteps, allocationSteps, ceilingSteps)),
    workCoreMs,
    publishedWorkCoreMs: workCoreMs,
  };
}

export function termsOf(specs: readonly BranchSpec[], resources: readonly Resource[] = RESOURCES, timeoutMs = 60_000): StageTerms {
  return {
    root: ROOT,
    fork: "/[1].0",
    decision: DECISION,
    namespace: "guest",
    grid: GRID,
    timeoutMs,
    branches: specs.map((spec, position) => ({
      position,
      resources,
      functions: Array.from({ length: spec.functions ?? 1 }, (_, n) => functionOf(spec, position, n)),
    })),
  };
}

/** What the applier of one branch knows and has in force. */
export interface Applier {
  phase: "waiting" | "running" | "over" | "dead";
  /** Which function of its branch runs, or comes next. */
  fn: number;
  no: number;
  plan: PublishedAllocation;
  inForce: Allocation;
  usedCoreMs: number;
  /** Ever below U and back by itself, or by asking: H1 allows for it. */
  readonly gaveBack: Set<Resource>;
}

export class World {
  stage: Stage;
  nowMs = 0;
  readonly terms: StageTerms;
  readonly appliers: Applier[];
  /** Under way to the ledger. */
  readonly events: LeaseEvent[] = [];
  /** Under way to appliers. */
  readonly plans: { position: number; k: string; entry: PublishedAllocation }[] = [];
  /** `harvest:plan:<R>` */
  readonly hash: Record<string, PublishedAllocation> = {};
  readonly effects: LedgerEffect[] = [];
  /**
   * Whatever the ledger counts since then, it does not know which have ended: it may take too much for held, never too
   * little.
   */
  hasForgotten = false;
  readonly #stream: LeaseEvent[] = [];
  #highestEpoch = 1;
  readonly #repeatMs: number | undefined;

  constructor(terms: StageTerms, repeatMs?: number) {
    this.terms = terms;
    this.#repeatMs = repeatMs;
    this.stage = openStage(terms, 1, 0);
    this.appliers = terms.branches.map(({ functions }) => ({
      phase: "waiting",
      fn: 0,
      no: 0,
      plan: publishedOf(functions[0] as FunctionTerms),
      inForce: startsWith(functions[0] as FunctionTerms),
      usedCoreMs: 0,
      gaveBack: new Set(),
    }));
  }

  functionOf(position: number): FunctionTerms {
    const functions = this.terms.branches[position]?.functions ?? [];
    return functions[(this.appliers[position] as Applier).fn] as FunctionTerms;
  }

  keyOf(position: number): string {
    const { fn } = this.appliers[position] as Applier;
    return `${ROOT}:[1].0#${position}/${astPathOf(position, fn)}:${fn}`;
  }

  /** The applier's next word, under way from now on. */
  tell(position: number, type: RunEventType): void {
    const applier = this.appliers[position] as Applier;
    this.events.push({
      type,
      activationId: `${position}${applier.fn}`.padStart(32, "0"),
      atMs: this.nowMs,
      k: this.keyOf(position),
      lease: {
        no: applier.no++,
        namespace: "guest",
        decision: DECISION,
        epoch: applier.plan.epoch,
        limits: { ...applier.inForce },
        node: `node${position % 2}`,
        usedCoreMs: applier.usedCoreMs,
        ...(this.#repeatMs !== undefined && { repeatMs: this.#repeatMs }),
      },
    });
  }

  start(position: number): void {
    const applier = this.appliers[position] as Applier;
    const fn = this.functionOf(position);
    Object.assign(applier, { phase: "running", no: 0, plan: publishedOf(fn), inForce: startsWith(fn), usedCoreMs: 0 });
    applier.gaveBack.clear();
    this.tell(position, "start");
  }

  /** Tells that a donor suffers. */
  ask(position: number, resource: Resource): void {
    (this.appliers[position] as Applier).gaveBack.add(resource);
    this.tell(position, resource === "cpuCores" ? "throttled" : "near-memory");
  }

  helpItself(position: number, resource: Resource): void {
    const applier = this.appliers[position] as Applier;
    applier.gaveBack.add(resource);
    applier.inForce = { ...applier.inForce, [resource]: Math.max(applier.inForce[resource], this.functionOf(position).user[resource]) };
    this.tell(position, "applied");
  }

  end(position: number): void {
    const applier = this.appliers[position] as Applier;
    this.tell(position, "end");
    const isLast = applier.fn === (this.terms.branches[position]?.functions.length ?? 0) - 1;
    if (isLast) applier.phase = "over";
    else Object.assign(applier, { phase: "waiting", fn: applier.fn + 1 });
  }

  /** A plan arrives; `share` of it is what its node has. */
  apply(position: number, entry: PublishedAllocation, share = 1): void {
    const applier = this.appliers[position] as Applier;
    if (applier.phase !== "running" || !newer(applier.plan, entry)) return;
    applier.plan = entry;
    const { user } = this.functionOf(position);
    for (const resource of RESOURCES) {
      const planned = Math.max(entry[resource] ?? user[resource], applier.gaveBack.has(resource) ? user[resource] : 0);
      const most = planned > user[resource] ? user[resource] + share * (planned - user[resource]) : planned;
      applier.inForce = { ...applier.inForce, [resource]: most };
    }
    this.tell(position, "applied");
  }

  deliver(at: number): void {
    const [event] = this.events.splice(at, 1);
    if (!event) return;
    this.#stream.push(event);
    this.#step({ type: "heard", event });
  }

  deliverPlan(at: number, share = 1): void {
    const [plan] = this.plans.splice(at, 1);
    if (plan && plan.k === this.keyOf(plan.position)) this.apply(plan.position, plan.entry, share);
  }

  /** Everything under way arrives, and what comes of it, until nothing moves. */
  settle(): void {
    for (let rounds = 0; this.events.length + this.plans.length > 0; rounds++) {
      assert.ok(rounds < 1_000, "the ledger and its appliers never come to rest");
      while (this.events.length > 0) this.deliver(0);
      while (this.plans.length > 0) this.deliverPlan(0);
    }
  }

  advance(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (let tickMs = nextTickMs(this.stage, this.nowMs); tickMs <= untilMs; tickMs = nextTickMs(this.stage, this.nowMs)) {
      this.pass(Math.max(tickMs, this.nowMs));
      this.#step({ type: "tick" });
    }
    this.pass(untilMs);
  }

  /**
   * The sidecar starts anew: it has the decision, what Redis has of its plans, and the events that the stream still
   * has: all, or none when so much has happened since that they were cut off.
   */
  restart(streamIsWhole: boolean): void {
    const opened = openStage(this.terms, 1, this.nowMs);
    this.stage = stepLedger(opened, { type: "recall", plans: this.hash }, this.nowMs).stage;
    if (streamIsWhole) for (const event of [...this.#stream]) this.#step({ type: "heard", event });
    else this.hasForgotten = true;
  }

  pass(untilMs: number): void {
    for (const [position, applier] of this.appliers.entries())
      if (applier.phase === "running")
        applier.usedCoreMs += (untilMs - this.nowMs) * Math.min(applier.inForce.cpuCores, this.functionOf(position).ceiling.cpuCores);
    this.nowMs = untilMs;
  }

  /** In the kernel. The container of a branch that has not started has U: for CPU, that counts from the beginning. */
  inForce(resource: Resource): number {
    return this.appliers.reduce((sum, { phase, fn, inForce }, position) => {
      if (phase === "running") return sum + inForce[resource];
      const branch = this.stage.branches[position] as Branch;
      return sum + (phase === "waiting" && fn === 0 && resource === "cpuCores" ? ownOf(branch, resource) : 0);
    }, 0);
  }

  /** Above B only by what was given back. */
  holdsH1(): void {
    for (const resource of RESOURCES) {
      const backMost = this.appliers.reduce((sum, applier, position) => {
        const { user, allocation } = this.functionOf(position);
        return sum + (applier.gaveBack.has(resource) ? Math.max(0, user[resource] - allocation[resource]) : 0);
      }, 0);
      const budget = budgetOf(this.stage, resource);
      assert.ok(
        this.inForce(resource) <= budget + backMost + EPS,
        `H1: ${this.inForce(resource)} of ${resource} in force, B ${budget}, ${backMost} given back`,
      );
    }
  }

  #step(event: Parameters<typeof stepLedger>[1]): void {
    const wasClosed = this.stage.closed !== undefined;
    const { stage, effects } = stepLedger(this.stage, event, this.nowMs);
    this.stage = stage;
    this.effects.push(...effects);
    for (const effect of effects) {
      assert.ok(!wasClosed, "ledger.L7: a closed stage moves");
      if (effect.type === "plan") this.#send(effect.entries);
    }
  }

  #send(entries: Readonly<Record<string, PublishedAllocation>>): void {
    const [first] = Object.values(entries);
    const epoch = first?.epoch as number;
    assert.ok(epoch > this.#highestEpoch, `ledger.L2: epoch ${epoch} after ${this.#highestEpoch}`);
    this.#highestEpoch = epoch;
    for (const [k, entry] of Object.entries(entries)) {
      const branch = this.stage.branches.find(({ run }) => run?.k === k);
      assert.ok(branch?.run, `a plan for ${k}, which is not known`);
      for (const resource of RESOURCES) holdsL3(entry[resource], branch.run.fn, resource);
      this.hash[k] = entry;
      this.plans.push({ position: branch.terms.position, k, entry });
    }
  }
}

function holdsL3(amount: number | undefined, fn: FunctionTerms, resource: Resource): void {
  if (amount === undefined) return; // U, exactly
  const axis: GridAxis = GRID[resource];
  assert.ok(isOnGrid(axis, amount), `H2: ${amount} of ${resource}`);
  assert.ok(amount <= fn.ceiling[resource] + EPS, `ledger.L3: ${amount} of ${resource} above ${fn.ceiling[resource]}`);
  assert.ok(amount >= Math.min(fn.allocation[resource], fn.user[resource]) - EPS, `H5: a plan of ${amount} below what was published`);
}

function publishedOf({ allocation, workCoreMs }: FunctionTerms): PublishedAllocation {
  return { v: 1, ...allocation, workCoreMs, decision: DECISION, namespace: "guest", epoch: 1 };
}
