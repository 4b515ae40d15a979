/**
 * Plans: how a ledger moves what runs hold while they run (architecture, 5, H1).
 *
 * A plan has the form of a published allocation, is believed by the same rule (the applier's belief.ts), and is
 * complete: an absent resource means the user allocation. Its key is the run key k of a run that has been heard of.
 * Decisions publish epoch 1; each later plan of a stage has a higher one.
 *
 *   ledger     publishPlan(R, {k: allocation})     the hash `harvest:plan:<R>` and one entry of the stream `harvest:plans`, together
 *   applier    watchPlans(watcher)                 one blocking read for all runs of the node
 *
 * plan.P1  An applier takes up a plan only if it is newer() than what it has; a plan that comes twice or late changes
 *     nothing.
 * plan.P2  An applier answers every plan that it takes up with the event `applied`, and every newer one that it cannot
 *     apply, too.
 * plan.P3  After a loss (`onGap`) the hash has what was missed: an applier reads plans(R) of every R that it runs,
 *     once.
 */
import type { PublishedAllocation } from "./decision.js";

/** By run key. */
export type PlanEntries = Readonly<Record<string, PublishedAllocation>>;

/** What makes one allocation of a run the successor of another. */
export type Epoch = Pick<PublishedAllocation, "decision" | "epoch">;

/** The epoch under which a decision publishes its allocations. */
export const FIRST_EPOCH = 1;

/**
 * Whether `incoming` replaces `current`: the same decision, and a higher epoch. Older and equal ones are ignored (H1).
 */
export function newer(current: Epoch, incoming: Epoch): boolean {
  return incoming.decision === current.decision && incoming.epoch > current.epoch;
}

/** What watches plans. The handlers must not throw. */
export interface PlanWatcher {
  /** Plans of one root run R that were just published, in the order of publication. */
  onPlans(root: string, entries: PlanEntries): void;
  /** The watch has begun, or begun anew after Redis was away: plans may have been missed (plan.P3). */
  onGap(): void;
}

export interface PlanWatch {
  stop(): Promise<void>;
}
