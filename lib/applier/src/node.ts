/**
 * All runs of one node, at most one in each container, and the node's CPU shared out among them as node-budget.ts says (H6): one write
 * after another, shrinking ones first, each computed from what is in force when its turn comes. No request is queued; only what all claim
 * now counts.
 *
 * node.R1  A run whose limits cannot be written begins with its user's (H3); if those cannot be written either, it does not begin here.
 * node.R2  What changes while a write is under way is taken into account by the next one.
 * node.R3  What a run had goes at once to those that claim it when it ends.
 */
import { type Allocation, messageOf, type Observation, roundAmount, type SigningKey } from "@openwhisk-harvest/core";
import type { LimitedContainer } from "./limited-container.js";
import { type BudgetMember, excessCores, nextOrder } from "./node-budget.js";
import { handPlans, type PlanSource } from "./plans.js";
import { type EndedRun, Run, type RunParts, type RunStart } from "./run.js";
import { type NodeRoom, type RunTerms, userTermsOf } from "./terms.js";

export interface NodeOptions extends Omit<RunParts, "container" | "start" | "terms" | "onChange" | "onExpired"> {
  readonly capacity: Allocation;
  /** Without one there are no plans. */
  readonly plans?: PlanSource;
  /** Believes only plans that are signed with it; all when absent. */
  readonly signing?: SigningKey;
  /** What else holds CPU of this node, and is never written: containers of which no run is known. */
  readonly others?: () => Iterable<BudgetMember>;
}

export class Node {
  readonly #options: NodeOptions;
  /** By container, in the order in which they came. */
  readonly #runs = new Map<string, Run>();
  readonly #endPlans: (() => Promise<void>) | undefined;
  #settling: Promise<void> | undefined;
  #changed = false;

  constructor(options: NodeOptions) {
    const { plans, signing, logger } = options;
    this.#options = options;
    this.#endPlans = plans && handPlans(plans, { runs: () => this.#runs.values(), signing, logger });
  }

  /**
   * Resolves when the run has its limits; it must be ended then. Rejects when not even the user's can be written (node.R1). `onExpired` is
   * called when its time limit and a grace have passed and its end was not told; it must be ended then, too.
   */
  async begin(
    container: LimitedContainer,
    start: RunStart,
    terms: RunTerms,
    onExpired: (run: Run) => void = () => undefined,
  ): Promise<Run> {
    try {
      return await this.#enter(container, start, terms, onExpired);
    } catch (error) {
      const { activationId } = start;
      this.#options.logger.warn({ activationId, error: messageOf(error) }, "Limits cannot be applied; the user allocation is instead.");
      return await this.#enter(container, start, userTermsOf(terms), onExpired);
    }
  }

  /** Never rejects; see EndedRun. */
  end(run: Run, how: "end" | "died", outcome?: Observation["outcome"]): EndedRun {
    const { restored, ...ended } = run.end(how, outcome);
    const { id } = run.container;
    if (this.#runs.get(id) === run) this.#runs.delete(id);
    return { ...ended, restored: this.settle().then(() => restored) };
  }

  /** The run leaves its CPU to the one that it waits for, until the returned function is called. */
  lend(activationId: string): () => void {
    const lender = [...this.#runs.values()].find((run) => run.activationId === activationId);
    if (!lender) return () => undefined;
    const change = (lends: boolean) => {
      lender.lends = lends;
      void this.settle();
    };
    change(true);
    return () => change(false);
  }

  /** What is free for a run in this container; of the memory the caller knows. */
  room(container: Pick<LimitedContainer, "id">, freeMemoryMb: number): NodeRoom {
    const { capacity } = this.#options;
    const others = this.#members().filter(({ id }) => id !== container.id);
    return { capacity, freeCpuCores: roundAmount(capacity.cpuCores - inForceCoresOf(others)), freeMemoryMb };
  }

  /** The limits in force, and by how much they exceed the capacity (only if what was admitted does). */
  get figures(): { readonly runs: number; readonly inForceCores: number; readonly excessCores: number } {
    const members = this.#members();
    return { runs: this.#runs.size, inForceCores: inForceCoresOf(members), excessCores: excessCores(this.#budget(members)) };
  }

  /** Some claim has changed. Resolves when nothing is being written any more; never rejects. */
  settle(): Promise<void> {
    this.#changed = true;
    this.#settling ??= this.#settleAll();
    return this.#settling;
  }

  /** Hears of no more plans. Runs under way are the caller's to end. */
  async close(): Promise<void> {
    await this.#endPlans?.();
  }

  async #enter(container: LimitedContainer, start: RunStart, terms: RunTerms, onExpired: (run: Run) => void): Promise<Run> {
    const onChange = () => void this.settle();
    const run: Run = new Run({ ...this.#options, container, start, terms, onChange, onExpired: () => onExpired(run) });
    try {
      await run.raise();
      this.#runs.set(container.id, run);
      await this.settle();
      if (run.fault !== undefined) throw run.fault;
    } catch (error) {
      await this.end(run, "end").restored;
      throw error;
    }
    run.begin();
    return run;
  }

  #members(): BudgetMember[] {
    const running = [...this.#runs.values()].flatMap(({ member }) => member ?? []);
    return [...running, ...(this.#options.others?.() ?? [])];
  }

  #budget(members: readonly BudgetMember[]) {
    const { capacity, grid } = this.#options;
    return { capacityCores: capacity.cpuCores, axis: grid.cpuCores, members };
  }

  async #settleAll(): Promise<void> {
    await Promise.resolve(); // changes of one moment are taken together
    while (this.#changed) {
      this.#changed = false;
      await this.#writeAll();
      for (const run of this.#runs.values()) run.settled();
    }
    this.#settling = undefined;
  }

  async #writeAll(): Promise<void> {
    for (;;) {
      const order = nextOrder(this.#budget(this.#members()));
      const run = order && this.#runs.get(order.id);
      if (!run) return; // the others are as they should be, always
      await run.setCpuCores(order.cpuCores);
    }
  }
}

function inForceCoresOf(members: readonly BudgetMember[]): number {
  return roundAmount(members.reduce((sum, { inForceCores }) => sum + inForceCores, 0));
}
