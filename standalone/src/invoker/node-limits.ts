/**
 * The CPU of one node, shared out among its runs as core's node budget says (H6): one write after another, shrinking ones first, each
 * computed from what is in force when its turn comes. Nobody's request is queued; only what everybody claims now counts.
 */
import { type BudgetMember, type CpuClaim, excessCores, nextOrder } from "@openwhisk-harvest/applier";
import { type Allocation, type GridAxis, messageOf } from "@openwhisk-harvest/core";
import type { Logger } from "../container/logger.js";
import { LENT_CPU_CORES } from "../messages.js";

/** One run, as the node sees it. */
export interface NodeMember {
  readonly id: string;
  claim(): CpuClaim;
  /** Writes the limit, and resolves when it is in force. */
  write(cpuCores: number): Promise<void>;
  /** The node can do no more for now. */
  settled(): void;
}

interface Entry {
  readonly member: NodeMember;
  inForceCores: number;
  stuck: boolean;
  /** It waits for a run that has its CPU meanwhile. */
  lends: boolean;
}

export class NodeLimits {
  readonly #capacity: Allocation;
  readonly #axis: GridAxis;
  readonly #logger: Logger;
  readonly #entries = new Map<string, Entry>();
  #settling: Promise<void> | undefined;
  #changed = false;

  constructor(capacity: Allocation, axis: GridAxis, logger: Logger) {
    this.#capacity = capacity;
    this.#axis = axis;
    this.#logger = logger;
  }

  /** Resolves when the run has its limit. Rejects when that cannot be written; the run is no member then. */
  async enter(member: NodeMember): Promise<void> {
    const entry: Entry = { member, inForceCores: 0, stuck: false, lends: false };
    this.#entries.set(member.id, entry);
    await this.settle();
    if (!entry.stuck) return;
    await this.leave(member.id);
    throw new Error("Its CPU limit cannot be written.");
  }

  /** What it had goes at once to those who claim it. Resolves when nothing is being written any more. */
  async leave(id: string): Promise<void> {
    if (this.#entries.delete(id)) await this.settle();
  }

  /** The run leaves its CPU to the one that it waits for, until the returned function is called. */
  lend(id: string): () => void {
    const entry = this.#entries.get(id);
    if (!entry) return () => undefined;
    const change = (lends: boolean) => {
      entry.lends = lends;
      void this.settle();
    };
    change(true);
    return () => change(false);
  }

  /** Some claim has changed. Never rejects. */
  settle(): Promise<void> {
    this.#changed = true;
    this.#settling ??= this.#settleAll();
    return this.#settling;
  }

  /** The limits in force, and by how much they exceed the capacity (only if what was admitted does). */
  get figures(): { readonly runs: number; readonly inForceCores: number; readonly excessCores: number } {
    const members = this.#members();
    const inForceCores = members.reduce((sum, member) => sum + member.inForceCores, 0);
    return { runs: members.length, inForceCores, excessCores: excessCores(this.#budget(members)) };
  }

  #members(): BudgetMember[] {
    return [...this.#entries.values()].map(({ member, lends, ...state }) => ({
      id: member.id,
      claim: lends ? lending(member.claim()) : member.claim(),
      ...state,
    }));
  }

  #budget(members: readonly BudgetMember[]) {
    return { capacityCores: this.#capacity.cpuCores, axis: this.#axis, members };
  }

  /** Whoever comes, goes, or changes its mind meanwhile is taken into account with the next write. */
  async #settleAll(): Promise<void> {
    await Promise.resolve(); // changes of one moment are taken together
    while (this.#changed) {
      this.#changed = false;
      await this.#writeAll();
      for (const { member } of this.#entries.values()) member.settled();
    }
    this.#settling = undefined;
  }

  async #writeAll(): Promise<void> {
    for (;;) {
      const order = nextOrder(this.#budget(this.#members()));
      const entry = order && this.#entries.get(order.id);
      if (!order || !entry) return;
      await this.#write(entry, order.cpuCores);
    }
  }

  async #write(entry: Entry, cpuCores: number): Promise<void> {
    const before = entry.inForceCores;
    entry.inForceCores = Math.max(before, cpuCores); // until it is known
    try {
      await entry.member.write(cpuCores);
      entry.inForceCores = cpuCores;
    } catch (error) {
      entry.stuck = true;
      this.#logger.warn({ run: entry.member.id, cpuCores, error: messageOf(error) }, "A CPU limit cannot be written.");
    }
  }
}

function lending({ userCores, floorCores }: CpuClaim): CpuClaim {
  const keeps = Math.min(floorCores, LENT_CPU_CORES);
  return { userCores, floorCores: keeps, wantsCores: keeps, urgent: false };
}
