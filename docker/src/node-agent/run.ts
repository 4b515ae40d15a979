/**
 * One run in its container: its hold, its samples, and what is told of it. What the hold orders is done to the container here; how
 * much CPU it gets is the node's to say (node.ts).
 */

import {
  type BudgetMember,
  claimOf,
  type Hold,
  type HoldEvent,
  type HoldStep,
  HoldTimer,
  movedOf,
  openHold,
  stepHold,
} from "@openwhisk-harvest/applier";
import { type Monitor, startMonitor, type Usage } from "@openwhisk-harvest/cgroup";
import {
  type Clock,
  type Enforcement,
  HarvestError,
  messageOf,
  type Observation,
  type PublishedAllocation,
  type RunEventType,
} from "@openwhisk-harvest/core";
import type { Logger } from "pino";
import type { HeldContainer } from "./held-container.js";
import type { UserLimits } from "./journal.js";
import type { RunStart } from "./questions.js";
import type { Reporter } from "./reporter.js";
import { REPEAT_MS, runEventOf } from "./run-event.js";
import { type RunTerms, touchable } from "./terms.js";

type TimedEvent = Exclude<HoldEvent, { type: "settled" }>;

export interface RunParts {
  readonly container: HeldContainer;
  readonly start: RunStart;
  /** The run key, when one could be read. */
  readonly k?: string;
  readonly terms: RunTerms;
  readonly node: string;
  readonly enforcement: Enforcement;
  readonly sampling: { readonly periodMs: number; readonly windowMs: number };
  readonly clock: Clock;
  readonly reporter: Reporter;
  readonly logger: Logger;
  /** Called when what the run claims, or what is in force, may have changed. */
  readonly onChange: () => void;
  /** Called once when the hold expires by itself. */
  readonly onExpired: () => void;
}

export class Run {
  readonly #parts: RunParts;
  #hold: Hold;
  readonly #timer: HoldTimer;
  #monitor: Monitor | undefined;
  #inForceCores = 0;
  #stuck = false;
  #events = 0;
  #lastEventAtMs = 0;
  #allocated: UserLimits;

  private constructor(parts: RunParts, hold: Hold) {
    this.#parts = parts;
    this.#hold = hold;
    this.#timer = new HoldTimer(parts.clock, (atMs) => this.#onEvent({ type: "tick", atMs }));
    this.#allocated = { memoryMb: parts.container.facts.user.memoryMb };
  }

  /** Applies all but the CPU, which the node does next. A limit that cannot be set costs the run its harvesting, not its life. */
  static async open(parts: RunParts): Promise<Run> {
    const step = openHold(parts.terms.hold);
    const run = new Run(parts, step.hold);
    await run.#attempt(() => parts.container.raiseMemory(parts.terms.hold.granted.memoryMb));
    await run.#take(step);
    return run;
  }

  get activationId(): string {
    return this.#parts.start.activationId;
  }

  /** What it runs under, for its agent's own line. */
  get grant(): Pick<Observation, "mode" | "decision" | "enforcement" | "allocated" | "user"> {
    const { container, terms, enforcement } = this.#parts;
    const decision = this.#hold.plan?.decision;
    const { user } = container.facts;
    return { mode: terms.mode, ...(decision === undefined ? {} : { decision }), enforcement, allocated: this.#allocated, user };
  }

  get hold(): Hold {
    return this.#hold;
  }

  /** In the node's budget, unless nothing bounds the container's CPU. */
  get member(): BudgetMember | undefined {
    const { facts } = this.#parts.container;
    if (facts.user.cpuCores === undefined || this.#hold.phase === "over") return undefined;
    return { id: facts.id, claim: claimOf(this.#hold), inForceCores: this.#inForceCores, ...(this.#stuck ? { stuck: true } : {}) };
  }

  /** When its CPU is set: samples from now on, and says so. */
  begin(): void {
    const { container, sampling, clock } = this.#parts;
    this.#allocated = this.#limitsNow();
    if (container.facts.user.cpuCores === undefined) this.#inForce(this.#hold.terms.user.cpuCores);
    this.#tell("start");
    this.#timer.follow(this.#hold);
    this.#monitor = startMonitor(container.group, {
      ...sampling,
      clock,
      onSample: (sample) => this.#onEvent({ type: "sample", ...sample }),
      onFailure: (error) => this.#warn(error, "A run cannot be sampled; it is tried again."),
    });
  }

  async setCpuCores(cpuCores: number): Promise<void> {
    const { container } = this.#parts;
    try {
      await container.setCpuCores(cpuCores);
      this.#inForceCores = cpuCores;
    } catch (error) {
      this.#warn(error, "A CPU limit cannot be set; the run keeps what it has.");
      this.#stuck = true;
      this.#inForceCores = Math.max(this.#inForceCores, container.cpuCores ?? 0);
      return;
    }
    this.#inForce(cpuCores);
  }

  /** The node can do no more for now. Before `start` nothing is told. */
  async settled(): Promise<void> {
    if (this.#events === 0) return;
    await this.#take(stepHold(this.#hold, { type: "settled" }));
  }

  onPlan(allocation: PublishedAllocation): void {
    const { container, clock } = this.#parts;
    this.#onEvent({ type: "plan", atMs: clock.monotonicMs(), allocation: touchable(allocation, container.facts.user) });
  }

  /**
   * Ends it: limits go back, unless the container is gone, and what was seen is told. `outcome` is absent when the run is given up
   * without a word on how it ended; then nothing is told of what it used.
   */
  async end(how: "end" | "died", outcome: Observation["outcome"] | undefined): Promise<Observation | undefined> {
    const { clock, container, reporter } = this.#parts;
    const usage = this.#monitor?.stop();
    const moved = movedOf(this.#hold, clock.monotonicMs());
    if (this.#events > 0) this.#tell("end");
    await this.#take(stepHold(this.#hold, { type: how, atMs: clock.monotonicMs() }));
    if (how === "end" && !container.isAsCreated) await this.#attempt(() => container.restore());
    if (!usage || outcome === undefined) return undefined;
    const observation = this.#observationOf(usage, outcome, moved);
    reporter.observation(observation);
    return observation;
  }

  /** An event without effects. */
  #inForce(cpuCores: number): void {
    this.#hold = stepHold(this.#hold, { type: "in-force", atMs: this.#parts.clock.monotonicMs(), cpuCores }).hold;
  }

  #observationOf(usage: Usage, outcome: Observation["outcome"], moved: Observation["moved"]): Observation {
    const { start, k } = this.#parts;
    return {
      v: 1,
      activationId: start.activationId,
      ...(k === undefined ? {} : { k }),
      ...this.grant,
      ...(moved ? { moved } : {}),
      cold: start.cold,
      ...usage,
      outcome,
    };
  }

  #limitsNow(): UserLimits {
    const { cpuCores, memoryMb } = this.#parts.container;
    return cpuCores === undefined ? { memoryMb } : { cpuCores, memoryMb };
  }

  #onEvent(event: TimedEvent): void {
    const before = this.#hold;
    this.#take(stepHold(before, event)).catch((error: unknown) => this.#warn(error, "An order of a hold cannot be carried out."));
    if (this.#hold.phase === "over" && before.phase !== "over") this.#parts.onExpired();
    else if (this.#hold.plan !== before.plan || this.#hold.phase !== before.phase) this.#parts.onChange();
    this.#repeat(event.atMs);
  }

  async #take({ hold, effects }: HoldStep): Promise<void> {
    this.#hold = hold;
    if (this.#events > 0) this.#timer.follow(hold);
    const { container } = this.#parts;
    for (const effect of effects) {
      if (effect.type === "restore") await this.#attempt(() => container.restore());
      else if (effect.type === "memory-high") await this.#attempt(() => container.setMemoryHigh(effect.memoryMb));
      else this.#tell(effect.what);
    }
  }

  #repeat(atMs: number): void {
    if (this.#hold.plan && this.#hold.phase !== "over" && atMs - this.#lastEventAtMs >= REPEAT_MS) this.#tell("applied");
  }

  #tell(type: RunEventType): void {
    const { start, k, node, clock, reporter } = this.#parts;
    this.#lastEventAtMs = clock.monotonicMs();
    reporter.event(
      runEventOf({
        ...{ type, activationId: start.activationId, atMs: clock.nowMs(), node, no: this.#events++ },
        ...(k === undefined ? {} : { k }),
        hold: this.#hold,
        inForce: this.#limitsNow(),
      }),
    );
  }

  async #attempt(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof HarvestError)) throw error;
      this.#warn(error, "A limit cannot be set.");
    }
  }

  #warn(error: unknown, message: string): void {
    this.#parts.logger.warn({ container: this.#parts.container.facts.name, error: messageOf(error) }, message);
  }
}
