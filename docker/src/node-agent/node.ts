/**
 * All runs of one node: at most one per container, and the node's CPU divided among them (node-budget.ts, H6).
 *
 * R1. One container, one run. A second one that begins beside the first cannot be told apart in its group, so both keep the user
 *     allocation and neither is observed. A run that begins after another whose end was never told takes its place.
 * R2. A container counts while it has a run. One whose agent never spoke, to us or to an earlier process, always counts as busy.
 * R3. Every way out of a run restores: its end, another's begin, its expiry, the death of its container (nothing left to restore),
 *     this node's stop, and, through the journal, this process's death.
 */
import { type BudgetMember, nextOrder } from "@openwhisk-harvest/applier";
import {
  type ActivationKeyStore,
  type Allocation,
  type AllocationStore,
  type Clock,
  type Enforcement,
  type Grid,
  HarvestError,
  type HarvestParam,
  messageOf,
  type Observation,
  type PlanEntries,
  parseRunKey,
  type RunKey,
  roundAmount,
  type SigningKey,
  verifyAllocation,
} from "@openwhisk-harvest/core";
import type { Logger } from "pino";
import type { HeldContainer } from "./held-container.js";
import type { RunEnd, RunStart } from "./questions.js";
import type { Reporter } from "./reporter.js";
import { Run } from "./run.js";
import { timeLimitMsOf } from "./run-event.js";
import { type NodeRoom, termsOf } from "./terms.js";
import { UsedKeys } from "./used-keys.js";

export interface NodeOptions {
  readonly name: string;
  readonly capacity: Allocation;
  readonly grid: Grid;
  readonly enforcement: Enforcement;
  readonly sampling: { readonly periodMs: number; readonly windowMs: number };
  /** A hold's longest life. */
  readonly timeLimitMs: number;
  readonly allocationTtlMs: number;
  readonly allocations: Pick<AllocationStore, "lookup">;
  /** Where there is a bus adapter: what it says of an activation counts, before what the container says. */
  readonly activationKeys?: ActivationKeyStore;
  /** Absent in a deployment without a secret. */
  readonly signing?: SigningKey;
  /** All action containers of this node that are there now. */
  readonly containers: () => Iterable<HeldContainer>;
  readonly reporter: Reporter;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A run that is being looked up, or is under way. */
interface Slot {
  readonly activationId: string;
  /** These three are known once the bus adapter has been asked. */
  key?: RunKey;
  harvest?: HarvestParam;
  /** The bus adapter says so: then several activations may share a key, as the elements of a sequence do. */
  vouched: boolean;
  run?: Run;
  /** Set when another began beside it (R1), or its container died, before it was looked up. */
  givenUp: boolean;
}

export class Node {
  readonly #options: NodeOptions;
  readonly #slots = new Map<HeldContainer, Slot>();
  readonly #speaking = new WeakSet<HeldContainer>();
  readonly #used: UsedKeys;
  #settling: Promise<void> = Promise.resolve();
  #applied = 0;
  #runs = 0;

  constructor(options: NodeOptions) {
    this.#options = options;
    this.#used = new UsedKeys(options.allocationTtlMs, options.clock);
  }

  /** For /metrics. */
  get counts(): { readonly runs: number; readonly running: number; readonly applied: number; readonly changed: number } {
    const changed = [...this.#options.containers()].filter((container) => !container.isAsCreated).length;
    return { runs: this.#runs, running: this.#slots.size, applied: this.#applied, changed };
  }

  /** An agent is in this container: it will say when it is busy (R2). */
  heardOf(container: HeldContainer): void {
    this.#speaking.add(container);
  }

  /**
   * Applies what the run may have. OWH_CONFLICT for one of several at once (R1). `isWanted` is asked after Redis has answered: nothing
   * is applied for an agent that has stopped waiting, and the run is observed all the same.
   */
  async begin(container: HeldContainer, start: RunStart, isWanted: () => boolean): Promise<Run> {
    await this.#makePlace(container, start);
    const slot: Slot = { activationId: start.activationId, vouched: false, givenUp: false };
    this.#slots.set(container, slot);
    this.#runs++;
    Object.assign(slot, keyOf(await this.#harvestOf(container, start)));
    const terms = await this.#terms(container, start, slot, isWanted);
    if (slot.givenUp) throw new HarvestError("OWH_CONFLICT", "Another run has begun in this container.");
    const { allocations: _store, activationKeys: _keys, containers: _all, ...parts } = this.#options;
    const run = await Run.open({
      ...parts,
      node: parts.name,
      container,
      start,
      ...(slot.harvest ? { k: slot.harvest.k } : {}),
      terms,
      onChange: () => this.#settleSoon(),
      onExpired: () => this.#giveUp(container, slot),
    });
    slot.run = run;
    if (terms.hold.allocation) this.#applied++;
    await this.#settle();
    run.begin();
    await run.settled();
    return run;
  }

  /** What was seen of it; undefined when nobody knows of such a run, or nothing could be seen. */
  async end(container: HeldContainer, { activationId, outcome }: RunEnd): Promise<Observation | undefined> {
    const slot = this.#slots.get(container);
    if (slot?.activationId !== activationId) return undefined;
    this.#slots.delete(container);
    slot.givenUp = true;
    const observation = await slot.run?.end("end", outcome);
    await this.#settle();
    return observation;
  }

  /** Of whom died in mid-run is told what was seen of them: nobody else can (composer-and-runtimes, 4.4). */
  async containerGone(container: HeldContainer): Promise<void> {
    const slot = this.#slots.get(container);
    this.#slots.delete(container);
    if (slot) slot.givenUp = true;
    await slot?.run?.end("died", "action developer error");
    await this.#settle();
  }

  onPlans(entries: PlanEntries): void {
    for (const { run, harvest, key } of this.#slots.values()) {
      const allocation = harvest && entries[harvest.k];
      if (!run || !allocation || !key || !this.#isSigned(allocation, key, harvest.k)) continue;
      run.onPlan(allocation);
    }
  }

  /** The root runs R under way here. */
  roots(): Set<string> {
    return new Set([...this.#slots.values()].flatMap(({ key, run }) => (key && run?.hold.plan ? [key.root] : [])));
  }

  /** To be called now and then: containers that had grown get their user limits back as soon as they have shrunk. */
  async restoreLate(): Promise<void> {
    for (const container of this.#options.containers())
      if (!container.isAsCreated && !this.#slots.has(container)) await this.#restore(container);
  }

  /** Every container as it was created. */
  async close(): Promise<void> {
    for (const [container, slot] of this.#slots) {
      this.#slots.delete(container);
      slot.givenUp = true;
      await slot.run?.end("end", undefined);
    }
    for (const container of this.#options.containers()) if (!container.isAsCreated) await this.#restore(container);
  }

  /** R1 */
  async #makePlace(container: HeldContainer, { running }: RunStart): Promise<void> {
    const before = this.#slots.get(container);
    if (!before) return;
    this.#slots.delete(container);
    before.givenUp = true;
    await before.run?.end("end", undefined);
    if (running > 1) {
      await this.#settle();
      throw new HarvestError("OWH_CONFLICT", "Several runs share this container; none of them is harvested or observed.");
    }
  }

  /** Of the bus adapter, where there is one and it knows the activation; else the container's word, which then counts once. */
  async #harvestOf(container: HeldContainer, { activationId, harvest }: RunStart): Promise<Claimed | undefined> {
    const { activationKeys, logger } = this.#options;
    const claimed = harvest && { harvest, vouched: false };
    if (!activationKeys || !container.claim) return claimed;
    try {
      const known = await activationKeys.activationKey(activationId);
      return known ? { harvest: known, vouched: true } : claimed;
    } catch (error) {
      logger.warn({ error: messageOf(error) }, "The bus adapter's keys cannot be read; the container's own is used.");
      return claimed;
    }
  }

  async #terms(container: HeldContainer, start: RunStart, { key, harvest, vouched }: Slot, isWanted: () => boolean) {
    const { clock, grid, signing, timeLimitMs } = this.#options;
    const lookup = key && container.claim ? await this.#lookUp(key) : undefined;
    const nowMs = clock.nowMs();
    const request = {
      user: container.facts.user,
      ...(container.claim ? { claim: container.claim } : {}),
      ...(harvest && key ? { harvest, key } : {}),
      startedAtMs: clock.monotonicMs(),
      timeLimitMs: timeLimitMsOf(start.deadlineMs, nowMs, timeLimitMs),
      nowMs,
    };
    const room = this.#room(container);
    const terms = termsOf({ ...request, ...(lookup && isWanted() ? { lookup } : {}) }, room, grid, signing);
    if (!terms.hold.allocation || !harvest || vouched || this.#used.use(harvest.k)) return terms;
    this.#options.logger.warn({ container: container.facts.name }, "A run key was shown a second time; the user allocation is used.");
    return { ...termsOf(request, room, grid, signing), mode: terms.mode };
  }

  async #lookUp(key: RunKey) {
    try {
      return await this.#options.allocations.lookup(key);
    } catch (error) {
      this.#options.logger.warn(
        { root: key.root, error: messageOf(error) },
        "An allocation cannot be looked up; the user allocation is used.",
      );
      return undefined;
    }
  }

  #isSigned(allocation: PlanEntries[string], key: RunKey, k: string): boolean {
    const { signing } = this.#options;
    return !signing || verifyAllocation(signing, { ...allocation, root: key.root, field: k }, allocation.signature);
  }

  #room(newcomer: HeldContainer): NodeRoom {
    const { capacity, containers } = this.#options;
    const heldMb = [...containers()].reduce((sum, { memoryMb }) => sum + memoryMb, 0);
    const others = this.#members().filter(({ id }) => id !== newcomer.facts.id);
    const othersCores = others.reduce((sum, { inForceCores }) => sum + inForceCores, 0);
    return { capacity, freeCpuCores: roundAmount(capacity.cpuCores - othersCores), freeMemoryMb: capacity.memoryMb - heldMb };
  }

  #members(): BudgetMember[] {
    const running = [...this.#slots.values()].flatMap(({ run }) => run?.member ?? []);
    const silent = [...this.#options.containers()].filter((one) => !one.claim && !this.#speaking.has(one));
    return [...running, ...silent.flatMap(silentMember)];
  }

  #giveUp(container: HeldContainer, slot: Slot): void {
    if (this.#slots.get(container) === slot) this.#slots.delete(container);
    slot.givenUp = true;
    const ended = slot.run?.end("end", "action developer error") ?? Promise.resolve(undefined);
    ended.then(() => this.#settle()).catch((error: unknown) => this.#fault(error));
  }

  #settleSoon(): void {
    this.#settle().catch((error: unknown) => this.#fault(error));
  }

  /** One after another: an order is carried out before the next one is found. */
  async #settle(): Promise<void> {
    const turn = this.#settling.then(() => this.#carryOutOrders());
    this.#settling = turn.catch(() => undefined); // told to whoever waits for this turn
    await turn;
  }

  async #carryOutOrders(): Promise<void> {
    const { capacity, grid } = this.#options;
    for (;;) {
      const order = nextOrder({ capacityCores: capacity.cpuCores, axis: grid.cpuCores, members: this.#members() });
      const run = order && [...this.#slots].find(([container]) => container.facts.id === order.id)?.[1].run;
      if (!run) break; // silent containers are as they should be, always
      await run.setCpuCores(order.cpuCores);
    }
    for (const { run } of this.#slots.values()) await run?.settled();
  }

  async #restore(container: HeldContainer): Promise<void> {
    try {
      await container.restore();
    } catch (error) {
      this.#options.logger.warn({ container: container.facts.name, error: messageOf(error) }, "A container cannot be restored.");
    }
  }

  #fault(error: unknown): void {
    this.#options.logger.error({ error: messageOf(error) }, "The node's limits could not be settled.");
  }
}

interface Claimed {
  readonly harvest: HarvestParam;
  readonly vouched: boolean;
}

/** Nothing when what stood there is no run key. */
function keyOf(claimed: Claimed | undefined): Partial<Slot> {
  if (!claimed) return {};
  try {
    return { ...claimed, key: parseRunKey(claimed.harvest.k) };
  } catch (error) {
    if (error instanceof HarvestError) return {};
    throw error;
  }
}

function silentMember({ facts }: HeldContainer): BudgetMember[] {
  const userCores = facts.user.cpuCores;
  if (userCores === undefined) return [];
  return [{ id: facts.id, claim: { floorCores: userCores, userCores, wantsCores: userCores, urgent: false }, inForceCores: userCores }];
}
