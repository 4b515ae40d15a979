/**
 * One run in its container: its hold, its samples, and what is told of it. What the hold orders is done to the container here; how much
 * CPU it gets is the node's to say (node.ts).
 *
 * run.R1  A hold ticks by the clock, and the last word on a lease is repeated by it, whatever the sampler does (H5).
 * run.R2  The first word about a lease is `start`, when its first limits are in force. A plan that is newer and cannot be applied is
 *         answered with `applied`, for the ledger waits for a word.
 * run.R3  A run of no composition of ours costs no event and no round trip to Redis.
 * run.R4  A run ends once. Its limits go back, unless its container has died; what was seen is told where it is known how it ended.
 */
import { type Monitor, startMonitor } from "@openwhisk-harvest/cgroup";
import {
  type Clock,
  type Enforcement,
  type Grid,
  type Logger,
  messageOf,
  newer,
  type Observation,
  type PublishedAllocation,
  type RunEventType,
} from "@openwhisk-harvest/core";
import { Alarm } from "./alarm.js";
import { type CpuClaim, claimOf, type Hold, type HoldEvent, memoryInForceMb, movedOf, nextTickMs, openHold, stepHold } from "./hold.js";
import type { ContainerLimits, LimitedContainer } from "./limited-container.js";
import type { BudgetMember } from "./node-budget.js";
import type { Reporter } from "./reporter.js";
import { REPEAT_MS, runEventOf } from "./run-event.js";
import { type RunTerms, touchable } from "./terms.js";

export interface RunStart {
  readonly activationId: string;
  /** Whether its container was initialized for it. */
  readonly cold: boolean;
  readonly timeLimitMs: number;
}

export interface RunParts {
  readonly container: LimitedContainer;
  readonly start: RunStart;
  readonly terms: RunTerms;
  /** Its name in events: one for each capacity. */
  readonly name: string;
  readonly grid: Grid;
  readonly enforcement: Enforcement;
  readonly sampling: { readonly periodMs: number; readonly windowMs: number };
  readonly clock: Clock;
  readonly reporter: Reporter;
  readonly logger: Logger;
  /** What the run claims may have changed. */
  readonly onChange: () => void;
  /** Called once when its hold expires by itself, for its end was never told. */
  readonly onExpired: () => void;
}

/** What is left of a run. */
export interface EndedRun {
  /** Absent when nothing could be seen, or it is not known how the run ended. */
  readonly observation?: Observation;
  /** Whether the user's limits are back (limited-container.C4). */
  readonly restored: Promise<boolean>;
}

/** What a run keeps that lends its CPU to the one that it waits for: enough to notice the answer. */
export const LENT_CPU_CORES = 0.05;

export class Run {
  readonly container: LimitedContainer;
  readonly activationId: string;
  /** It waits for a run that has its CPU meanwhile. */
  lends = false;
  /** Why a CPU limit could not be written; then what is in force is taken for the larger of both (node-budget.N5). */
  fault: unknown;
  readonly #parts: RunParts;
  readonly #alarm: Alarm;
  #hold: Hold;
  /** What is being written on the container, and what was before it. */
  #writing: Promise<unknown> = Promise.resolve();
  #restored: Promise<boolean> = Promise.resolve(false);
  #monitor: Monitor | undefined;
  #allocated: ContainerLimits;
  #inForceCores = 0;
  #words = 0;
  #lastWordMs = Number.NEGATIVE_INFINITY;
  #hasEnded = false;

  constructor(parts: RunParts) {
    const { terms, start, clock, grid } = parts;
    const { user, granted, allocation, namespace, harvest } = terms;
    this.container = parts.container;
    this.activationId = start.activationId;
    this.#parts = parts;
    this.#alarm = new Alarm(clock, (atMs) => this.#onDue(atMs));
    this.#allocated = { memoryMb: user.memoryMb };
    const { hold, effects } = openHold({
      startedAtMs: clock.monotonicMs(),
      timeLimitMs: start.timeLimitMs,
      user: { cpuCores: user.cpuCores ?? granted.cpuCores, memoryMb: user.memoryMb },
      granted,
      beneficiary: { namespace, stamp: harvest?.d },
      grid,
      ...(allocation && { allocation }),
    });
    this.#hold = hold;
    for (const effect of effects) if (effect.type === "memory-high") this.#writeMemoryHigh(effect.memoryMb);
  }

  /** The key under which plans may move it. */
  get leasedKey(): string | undefined {
    return this.#isLeased ? this.#parts.terms.harvest?.k : undefined;
  }

  /** What it runs under, for the line that tells of it. */
  get facts(): Pick<Observation, "mode" | "decision" | "enforcement" | "allocated" | "user"> {
    const { terms, enforcement } = this.#parts;
    const decision = this.#hold.plan?.decision;
    const { user } = this.container;
    return { mode: terms.mode, ...(decision !== undefined && { decision }), enforcement, allocated: this.#allocated, user };
  }

  /** Absent where nothing bounds the container's CPU: it takes no part in the node's budget (terms.A3). */
  get member(): BudgetMember | undefined {
    if (!this.#isCpuBound || this.#hold.phase === "over") return undefined;
    const claim = claimOf(this.#hold);
    const stuck = this.fault === undefined ? {} : { stuck: true };
    return { id: this.container.id, claim: this.lends ? lending(claim) : claim, inForceCores: this.#inForceCores, ...stuck };
  }

  /** Applies all but the CPU, which the node does next. Rejects as the container does. */
  async raise(): Promise<void> {
    const { container, terms, clock } = this.#parts;
    await container.raiseMemory(terms.granted.memoryMb);
    await this.#writing;
    if (!this.#isCpuBound) this.#on({ type: "in-force", atMs: clock.monotonicMs(), cpuCores: terms.granted.cpuCores });
  }

  /** Its limits are in force: it is sampled, and told of, from now on. */
  begin(): void {
    const { container, sampling, clock, logger } = this.#parts;
    const cpuCores = container.cpuCoresInForce;
    this.#allocated = { ...(cpuCores !== undefined && { cpuCores }), memoryMb: memoryInForceMb(this.#hold) };
    if (!this.#hold.plan) this.#say("start");
    else if (this.#words === 0) this.#tell("applied");
    this.#monitor = startMonitor(container.group, {
      ...sampling,
      clock,
      onSample: (sample) => this.#on({ type: "sample", ...sample }),
      onFailure: (error) => logger.warn({ container: container.id, error: error.message }, "A run cannot be sampled; it is tried again."),
    });
    this.#keepTime();
  }

  /** Writes the limit, and resolves when it is in force, or has failed. */
  async setCpuCores(cpuCores: number): Promise<void> {
    const { container, clock, logger } = this.#parts;
    this.#inForceCores = Math.max(this.#inForceCores, cpuCores); // until it is known
    const written = this.#writing.then(() => container.setCpuCores(cpuCores));
    this.#writing = written.catch(() => undefined); // told here
    try {
      await written;
    } catch (error) {
      this.fault = error;
      logger.warn({ container: container.id, cpuCores, error: messageOf(error) }, "A CPU limit cannot be written.");
      return;
    }
    this.#inForceCores = cpuCores;
    this.#on({ type: "in-force", atMs: clock.monotonicMs(), cpuCores });
  }

  /** The node can do no more for now. */
  settled(): void {
    this.#on({ type: "settled" });
  }

  /** The hold judges it. */
  onPlan(published: PublishedAllocation): void {
    const { container, clock } = this.#parts;
    const { plan: before } = this.#hold;
    if (!before || !newer(before, published)) return;
    this.#on({ type: "plan", atMs: clock.monotonicMs(), allocation: touchable(published, container.user) });
    if (this.#hold.plan === before) this.#tell("applied"); // run.R2
  }

  /** `outcome` is absent when it is not known how the run ended. Later calls tell nothing new. */
  end(how: "end" | "died", outcome: Observation["outcome"] | undefined): EndedRun {
    const { clock, reporter, terms, start } = this.#parts;
    if (this.#hasEnded) return { restored: this.#restored };
    this.#hasEnded = true;
    const usage = this.#monitor?.stop();
    const moved = movedOf(this.#hold, clock.monotonicMs());
    if (this.#monitor) this.#say("end");
    this.#on({ type: how, atMs: clock.monotonicMs() });
    if (!usage || outcome === undefined) return { restored: this.#restored };
    const observation: Observation = {
      ...{ v: 1, activationId: this.activationId, ...(terms.harvest && { k: terms.harvest.k }) },
      ...{ ...this.facts, ...(moved && { moved }), cold: start.cold, ...usage, outcome },
    };
    if (terms.harvest) reporter.observation(observation); // run.R3
    return { observation, restored: this.#restored };
  }

  #on(event: HoldEvent): void {
    const before = this.#hold;
    const { hold, effects } = stepHold(before, event);
    this.#hold = hold;
    for (const effect of effects)
      if (effect.type === "tell") this.#tell(effect.what);
      else if (effect.type === "memory-high") this.#writeMemoryHigh(effect.memoryMb);
      else this.#restore();
    this.#keepTime();
    if (hold.phase === before.phase && hold.plan === before.plan) return;
    if (hold.phase !== before.phase && hold.phase === "given-back")
      this.#parts.logger.info({ activationId: this.activationId }, "A run gets its user allocation back.");
    if (hold.phase === "over" && !this.#hasEnded) this.#parts.onExpired();
    this.#parts.onChange();
  }

  /** run.R1 */
  #keepTime(): void {
    if (!this.#monitor && this.#hold.phase !== "over") return; // it has not begun
    const repeatDueMs = this.#isLeased ? this.#lastWordMs + REPEAT_MS : Number.POSITIVE_INFINITY;
    this.#alarm.set(Math.min(nextTickMs(this.#hold), repeatDueMs));
  }

  #onDue(atMs: number): void {
    this.#on({ type: "tick", atMs });
    if (this.#isLeased && atMs - this.#lastWordMs >= REPEAT_MS) this.#tell("applied");
    this.#keepTime();
  }

  get #isCpuBound(): boolean {
    return this.container.user.cpuCores !== undefined;
  }

  get #isLeased(): boolean {
    return this.#hold.plan !== undefined && this.#hold.phase !== "over";
  }

  #writeMemoryHigh(memoryMb: number | undefined): void {
    this.#writing = this.#writing.then(() => this.container.setMemoryHigh(memoryMb)).catch(this.#warn("memory.high cannot be written."));
  }

  #restore(): void {
    this.#restored = this.#writing
      .then(() => this.container.restore())
      .catch((error: unknown) => {
        this.#warn("A container cannot go back to its user's limits.")(error);
        return false;
      });
  }

  /** run.R2 */
  #tell(what: Exclude<RunEventType, "start">): void {
    const isFirst = this.#words === 0;
    if (isFirst) this.#say("start");
    if (!isFirst || what !== "applied") this.#say(what);
  }

  #say(type: RunEventType): void {
    const { start, terms, name, clock, reporter } = this.#parts;
    if (!terms.harvest) return; // run.R3
    const cpuCores = this.#isCpuBound ? this.#hold.history?.cpuCores : undefined;
    reporter.event(
      runEventOf({
        ...{ type, activationId: start.activationId, atMs: clock.nowMs(), k: terms.harvest.k, node: name },
        ...{ no: this.#words++, hold: this.#hold, ...(cpuCores !== undefined && { cpuCores }) },
      }),
    );
    this.#lastWordMs = clock.monotonicMs();
  }

  #warn(message: string): (error: unknown) => void {
    const { container, logger } = this.#parts;
    return (error) => logger.warn({ container: container.id, error: messageOf(error) }, message);
  }
}

function lending({ userCores, floorCores }: CpuClaim): CpuClaim {
  const keeps = Math.min(floorCores, LENT_CPU_CORES);
  return { userCores, floorCores: keeps, wantsCores: keeps, urgent: false };
}
