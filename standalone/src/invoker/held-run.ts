/**
 * One run and its limits while it is under way: carries out what core's hold machine says, and tells it what happens. The CPU goes
 * through the node's budget; memory.high, which costs nobody anything, is written at once.
 */
import {
  type CpuClaim,
  claimOf,
  type Hold,
  type HoldEvent,
  type HoldSample,
  HoldTimer,
  memoryInForceMb,
  movedOf,
  openHold,
  stepHold,
} from "@openwhisk-harvest/applier";
import {
  type Allocation,
  type Clock,
  type Grid,
  messageOf,
  newer,
  type Observation,
  type PublishedAllocation,
  type RunEventType,
} from "@openwhisk-harvest/core";
import type { Container } from "../container/driver.js";
import type { Logger } from "../container/logger.js";
import type { ActivationMessage, Grant } from "../messages.js";
import { applyUser, type LimitsInForce, limitsInForce, restoreUser, runMemoryMb } from "./limits.js";
import type { NodeLimits, NodeMember } from "./node-limits.js";
import type { Reporter } from "./reporter.js";

/** Within so long a word about each lease comes, or its applier is dead (events.ts, V4). */
const REPEAT_MS = 1_000;

export interface HeldRunOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly reporter: Reporter;
  readonly capacity: Allocation;
  readonly grid: Grid;
  readonly limits: NodeLimits;
  /** Its name in events: one for each capacity. */
  readonly node: string;
}

interface Parts {
  readonly container: Container;
  readonly message: ActivationMessage;
  readonly grant: Grant;
}

/**
 * Brings the grant in force, or else the user allocation (limits.ts, L2). Rejects when neither can be. The run must be ended then, as
 * in any case.
 */
export async function holdLimits(parts: Parts, options: HeldRunOptions): Promise<HeldRun> {
  const { container, grant } = parts;
  try {
    return await entered(parts, options);
  } catch (error) {
    options.logger.warn(
      { container: container.name, error: messageOf(error) },
      "A grant cannot be applied; the user allocation is instead.",
    );
    await applyUser(container, grant);
    return await entered({ ...parts, grant: asUser(grant) }, options);
  }
}

async function entered(parts: Parts, options: HeldRunOptions): Promise<HeldRun> {
  const { container, grant } = parts;
  const run = new HeldRun(parts, options);
  await container.setMemoryLimit(runMemoryMb(grant));
  await options.limits.enter(run);
  run.start();
  return run;
}

function asUser({ allocation: _none, ...grant }: Grant): Grant {
  return { ...grant, cpuCores: grant.user.cpuCores ?? grant.cpuCores, memoryMb: grant.user.memoryMb };
}

export class HeldRun implements NodeMember {
  readonly id: string;
  readonly #parts: Parts;
  readonly #options: HeldRunOptions;
  readonly #timer: HoldTimer;
  #hold: Hold;
  #hasEnded = false;
  /** What is being written on the container, and what was before it. */
  #writing: Promise<unknown> = Promise.resolve();
  #restored: Promise<boolean> | undefined;
  #atFirst: LimitsInForce | undefined;
  #words = 0;
  #lastWordMs = 0;

  constructor(parts: Parts, options: HeldRunOptions) {
    const { message, grant } = parts;
    const { clock, capacity, grid } = options;
    this.id = message.activationId;
    this.#parts = parts;
    this.#options = options;
    const { hold, effects } = openHold({
      startedAtMs: clock.monotonicMs(),
      timeLimitMs: message.action.limits.timeout,
      user: { cpuCores: Math.min(grant.user.cpuCores ?? grant.cpuCores, capacity.cpuCores), memoryMb: grant.user.memoryMb },
      granted: { cpuCores: grant.cpuCores, memoryMb: runMemoryMb(grant) },
      beneficiary: { namespace: message.user.namespace, stamp: grant.harvest?.d },
      grid,
      ...(grant.allocation && { allocation: grant.allocation }),
    });
    this.#hold = hold;
    this.#timer = new HoldTimer(clock, (atMs) => this.#on({ type: "tick", atMs }));
    for (const effect of effects) if (effect.type === "memory-high") this.#writeMemoryHigh(effect.memoryMb);
  }

  /** The limits with which the run began. */
  get atFirst(): LimitsInForce {
    return this.#atFirst ?? { memoryMb: this.#parts.grant.user.memoryMb };
  }

  /** The observation's `moved`; call it before `end`. */
  moved(): Observation["moved"] {
    return movedOf(this.#hold, this.#options.clock.monotonicMs());
  }

  /** Its limits are in force; the run may begin. */
  start(): void {
    const { container, grant } = this.#parts;
    const memoryMb = grant.allocation ? memoryInForceMb(this.#hold) : runMemoryMb(grant);
    this.#atFirst = limitsInForce(container, memoryMb);
    this.#mention("start");
    this.#timer.follow(this.#hold);
  }

  sample(sample: HoldSample): void {
    this.#on({ type: "sample", ...sample });
    if (this.#words > 0 && sample.atMs - this.#lastWordMs >= REPEAT_MS / 2) this.#tell("applied");
  }

  /** A plan that was published for this run, whoever says so; the hold judges it. */
  plan(allocation: PublishedAllocation): void {
    const { plan: before } = this.#hold;
    if (!before || !newer(before, allocation)) return;
    this.#on({ type: "plan", atMs: this.#options.clock.monotonicMs(), allocation });
    if (this.#hold.plan === before) this.#tell("applied"); // it cannot be applied, and the ledger waits for a word
    void this.#options.limits.settle();
  }

  /** Puts the user's limits back; false when the container cannot serve any more. Later calls repeat the answer. */
  async end(): Promise<boolean> {
    const { clock, limits } = this.#options;
    if (!this.#hasEnded) {
      this.#hasEnded = true;
      if (this.#hold.plan) this.#tell("end");
      else this.#mention("end");
      this.#on({ type: this.#parts.container.alive ? "end" : "died", atMs: clock.monotonicMs() });
      await limits.leave(this.id);
    }
    return (await this.#restored) ?? false;
  }

  claim(): CpuClaim {
    return claimOf(this.#hold);
  }

  async write(cpuCores: number): Promise<void> {
    const { container } = this.#parts;
    const written = container.setCpuCores(cpuCores);
    this.#writing = written.catch(() => undefined); // reported to the node, who waits for it
    await written;
    this.#on({ type: "in-force", atMs: this.#options.clock.monotonicMs(), cpuCores });
  }

  settled(): void {
    this.#on({ type: "settled" });
  }

  #on(event: HoldEvent): void {
    const before = this.#hold;
    const { hold, effects } = stepHold(before, event);
    this.#hold = hold;
    this.#timer.follow(hold);
    for (const effect of effects)
      if (effect.type === "tell") this.#tell(effect.what);
      else if (effect.type === "memory-high") this.#writeMemoryHigh(effect.memoryMb);
      else this.#restore();
    if (hold.phase === before.phase) return;
    if (hold.phase === "given-back") this.#options.logger.info({ activationId: this.id }, "A run gets its user allocation back.");
    void this.#options.limits.settle();
  }

  #writeMemoryHigh(memoryMb: number | undefined): void {
    const { container } = this.#parts;
    this.#writing = this.#writing
      .then(() => container.setMemoryHigh(memoryMb))
      .catch((error) => {
        this.#options.logger.warn({ container: container.name, error: messageOf(error) }, "memory.high cannot be written.");
      });
  }

  #restore(): void {
    const { container, grant } = this.#parts;
    this.#restored = this.#writing.then(() => restoreUser(container, grant, this.#options.logger));
  }

  /** The first word about a lease is `start`, whatever comes after it. */
  #tell(what: Exclude<RunEventType, "start">): void {
    const isFirst = this.#words === 0;
    if (isFirst) this.#say("start");
    if (!isFirst || what !== "applied") this.#say(what);
  }

  /** A run of a composition of ours that holds no lease; nobody asks about others. */
  #mention(type: "start" | "end"): void {
    const { clock, reporter } = this.#options;
    const { k } = this.#key();
    if (k !== undefined && !this.#hold.plan) reporter.event({ type, activationId: this.id, atMs: clock.nowMs(), k });
  }

  #say(type: RunEventType): void {
    const { clock, reporter, node } = this.#options;
    const { plan, lastSample, history } = this.#hold;
    if (!plan) return;
    const no = this.#words++;
    this.#lastWordMs = clock.monotonicMs();
    reporter.event({
      type,
      activationId: this.id,
      atMs: clock.nowMs(),
      ...this.#key(),
      lease: {
        no,
        namespace: plan.namespace,
        decision: plan.decision,
        epoch: plan.epoch,
        limits: { ...(history && { cpuCores: history.cpuCores }), memoryMb: memoryInForceMb(this.#hold) },
        node,
        repeatMs: REPEAT_MS,
        ...(lastSample && { usedCoreMs: lastSample.cpuTimeMs, usedMemoryMb: lastSample.memoryMb }),
      },
    });
  }

  #key(): { readonly k?: string } {
    const { harvest } = this.#parts.grant;
    return harvest ? { k: harvest.k } : {};
  }
}
