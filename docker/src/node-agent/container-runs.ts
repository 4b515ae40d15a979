/**
 * Which run is under way in which container of this node, as their agents tell it; what it may have, the applier says.
 *
 * container-runs.R1  One container, one run. A second one that begins beside the first cannot be told apart in its group, so both keep the
 *                    user allocation and neither is observed. A run that begins after another whose end was never told takes its place.
 * container-runs.R2  A container counts while it has a run. One whose agent never spoke, to us or to an earlier process, counts as busy.
 * container-runs.R3  Every way out of a run restores: its end, another's begin, its expiry, the death of its container (nothing is left to
 *                    restore), this node's stop, and, through its records, this process's death.
 */
import type { BudgetMember, Node, Run, TermsResolver } from "@openwhisk-harvest/applier";
import {
  type ActivationKeyStore,
  type Allocation,
  type Clock,
  HarvestError,
  type HarvestParam,
  type Logger,
  messageOf,
  type Observation,
  type RunKey,
  readRunKey,
} from "@openwhisk-harvest/core";
import type { HeldContainer } from "./held-container.js";
import type { RunEnd, RunStart } from "./questions.js";

export interface ContainerRunsOptions {
  readonly node: Node;
  readonly terms: TermsResolver;
  readonly capacity: Allocation;
  /** A run's longest time limit. */
  readonly timeLimitMs: number;
  /** Where there is a bus adapter: what it says of an activation counts, before what the container says. */
  readonly activationKeys?: ActivationKeyStore;
  /** All action containers of this node that are there now. */
  readonly containers: () => Iterable<HeldContainer>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A run that is being looked up, or is under way. */
interface Slot {
  readonly activationId: string;
  run?: Run;
  /** When its limits are in force, or it has failed. */
  begun?: Promise<unknown>;
  /** Set when another began beside it (container-runs.R1), or its container died. */
  givenUp: boolean;
}

export class ContainerRuns {
  readonly #options: ContainerRunsOptions;
  readonly #slots = new Map<HeldContainer, Slot>();
  readonly #speaking = new WeakSet<HeldContainer>();
  #applied = 0;
  #runs = 0;

  constructor(options: ContainerRunsOptions) {
    this.#options = options;
  }

  /** For /metrics. */
  get counts(): { readonly runs: number; readonly running: number; readonly applied: number; readonly changed: number } {
    const changed = [...this.#options.containers()].filter((container) => !container.isAsCreated).length;
    return { runs: this.#runs, running: this.#slots.size, applied: this.#applied, changed };
  }

  /** An agent is in this container: it will say when it is busy (container-runs.R2). */
  heardOf(container: HeldContainer): void {
    this.#speaking.add(container);
  }

  /** The containers that count as busy, for the node's budget (container-runs.R2). */
  *silentMembers(): Iterable<BudgetMember> {
    for (const container of this.#options.containers()) {
      const { cpuCores } = container.user;
      if (cpuCores === undefined || container.claim || this.#speaking.has(container)) continue;
      const claim = { floorCores: cpuCores, userCores: cpuCores, wantsCores: cpuCores, urgent: false };
      yield { id: container.id, claim, inForceCores: cpuCores };
    }
  }

  /**
   * Applies what the run may have. OWH_CONFLICT for one of several at once (container-runs.R1). `isWanted` is asked after Redis has
   * answered: nothing is applied for an agent that has stopped waiting, and the run is observed all the same.
   */
  async begin(container: HeldContainer, start: RunStart, isWanted: () => boolean): Promise<Run> {
    const before = this.#slots.get(container);
    const slot: Slot = { activationId: start.activationId, givenUp: before !== undefined && start.running > 1 };
    this.#slots.set(container, slot);
    this.#runs++;
    const beginning = this.#begin(slot, before, container, start, isWanted);
    slot.begun = beginning.catch(() => undefined); // told to the caller
    try {
      return await beginning;
    } catch (error) {
      if (this.#slots.get(container) === slot) this.#slots.delete(container);
      throw error;
    }
  }

  /** What was seen of it; undefined when no such run is known, or nothing could be seen. */
  async end(container: HeldContainer, { activationId, outcome }: RunEnd): Promise<Observation | undefined> {
    return this.#slots.get(container)?.activationId === activationId ? this.#leave(container, "end", outcome) : undefined;
  }

  /** Of a run that died with its container is told what was seen of it: nothing else can tell (composer-and-runtimes, 4.4). */
  async containerGone(container: HeldContainer): Promise<void> {
    await this.#leave(container, "died", "action developer error");
  }

  /** To be called now and then: containers that had grown get their user limits back as soon as they have shrunk. */
  async restoreLate(): Promise<void> {
    for (const container of this.#options.containers())
      if (!container.isAsCreated && !this.#slots.has(container))
        await container.restore().catch((error: unknown) => {
          this.#options.logger.warn({ container: container.name, error: messageOf(error) }, "A container cannot be restored.");
        });
  }

  /** Every container as it was created. */
  async close(): Promise<void> {
    for (const container of this.#slots.keys()) await this.#leave(container, "end");
    await this.restoreLate();
  }

  async #begin(slot: Slot, before: Slot | undefined, container: HeldContainer, start: RunStart, isWanted: () => boolean): Promise<Run> {
    const { node } = this.#options;
    if (before) await this.#end(before, "end");
    this.#requirePlace(slot);
    const terms = await this.#terms(container, await this.#keyOf(container, start), isWanted);
    this.#requirePlace(slot);
    const { activationId, cold } = start;
    const onExpired = () => this.#giveUp(container, slot);
    slot.run = await node.begin(container, { activationId, cold, timeLimitMs: this.#timeLimitMs(start) }, terms, onExpired);
    if (terms.allocation) this.#applied++;
    return slot.run;
  }

  /** container-runs.R1 */
  #requirePlace({ givenUp }: Slot): void {
    if (givenUp) throw new HarvestError("OWH_CONFLICT", "Several runs share this container; this one is not harvested or observed.");
  }

  async #leave(container: HeldContainer, how: "end" | "died", outcome?: Observation["outcome"]): Promise<Observation | undefined> {
    const slot = this.#slots.get(container);
    this.#slots.delete(container);
    return slot && this.#end(slot, how, outcome);
  }

  async #end(slot: Slot, how: "end" | "died", outcome?: Observation["outcome"]): Promise<Observation | undefined> {
    slot.givenUp = true;
    await slot.begun;
    const ended = slot.run && this.#options.node.end(slot.run, how, outcome);
    await ended?.restored;
    return ended?.observation;
  }

  #giveUp(container: HeldContainer, slot: Slot): void {
    slot.givenUp = true;
    if (this.#slots.get(container) !== slot) return;
    this.#leave(container, "end", "action developer error").catch((error: unknown) =>
      this.#options.logger.error({ error: messageOf(error) }, "An expired run could not be ended."),
    );
  }

  /** Of the bus adapter, where there is one and it knows the activation; else the container's word. Undefined for what is no run key. */
  async #keyOf(container: HeldContainer, { activationId, harvest }: RunStart): Promise<Claimed | undefined> {
    const { activationKeys, logger } = this.#options;
    let known: HarvestParam | undefined;
    try {
      if (container.claim) known = await activationKeys?.activationKey(activationId);
    } catch (error) {
      logger.warn({ error: messageOf(error) }, "The bus adapter's keys cannot be read; the container's own is used.");
    }
    const shown = known ?? harvest;
    const key = readRunKey(shown?.k);
    return shown && key && { harvest: shown, key, isVouched: known !== undefined };
  }

  #terms(container: HeldContainer, claimed: Claimed | undefined, isWanted: () => boolean) {
    const { node, terms } = this.#options;
    const { claim, user } = container;
    const asked = { user, ...claim, ...(claimed && { harvest: claimed.harvest, key: claimed.key }) };
    const isVouched = claimed?.isVouched ?? false;
    return terms.resolve(asked, { room: () => node.room(container, this.#freeMemoryMb()), isVouched, isWanted });
  }

  #freeMemoryMb(): number {
    return this.#options.capacity.memoryMb - [...this.#options.containers()].reduce((sum, { memoryMb }) => sum + memoryMb, 0);
  }

  /** Bounds what a container says of its deadline: at most what the cluster allows, at least nothing. */
  #timeLimitMs({ deadlineMs = Number.POSITIVE_INFINITY }: RunStart): number {
    return Math.min(Math.max(deadlineMs - this.#options.clock.nowMs(), 0), this.#options.timeLimitMs);
  }
}

interface Claimed {
  readonly harvest: HarvestParam;
  readonly key: RunKey;
  /** The bus adapter says so: then several activations may share a key, as the elements of a sequence do. */
  readonly isVouched: boolean;
}
