/**
 * Hands plans to the runs that they are for: one watch for all runs of a node. After an outage of Redis the plans of every run are read
 * anew (plan.ts of core); what comes twice the holds ignore (hold.K1).
 */
import {
  type AllocationStore,
  type Logger,
  messageOf,
  type PlanEntries,
  type PublishedAllocation,
  parseRunKey,
  type SigningKey,
  verifyAllocation,
} from "@openwhisk-harvest/core";

export type PlanSource = Pick<AllocationStore, "plans" | "watchPlans">;

/** A run that plans may move. */
export interface PlannedRun {
  /** Its run key; undefined for one that takes part in no plan. */
  readonly leasedKey: string | undefined;
  onPlan(allocation: PublishedAllocation): void;
}

export interface PlansOptions {
  /** Those under way. */
  readonly runs: () => Iterable<PlannedRun>;
  /** Only plans that are signed with it are handed on; all when absent. */
  readonly signing: SigningKey | undefined;
  readonly logger: Logger;
}

/** Until the answer is called. */
export function handPlans(source: PlanSource, { runs, signing, logger }: PlansOptions): () => Promise<void> {
  const isSigned = (root: string, field: string, allocation: PublishedAllocation) =>
    !signing || verifyAllocation(signing, { ...allocation, root, field }, allocation.signature);
  const hand = (root: string, entries: PlanEntries) => {
    for (const run of runs()) {
      const { leasedKey: k } = run;
      const allocation = k !== undefined && Object.hasOwn(entries, k) ? entries[k] : undefined;
      if (k?.startsWith(`${root}:`) && allocation && isSigned(root, k, allocation)) run.onPlan(allocation);
    }
  };
  const readAnew = (root: string) =>
    source.plans(root).then(
      (entries) => hand(root, entries),
      (error) => logger.debug({ root, error: messageOf(error) }, "Plans cannot be read; the next outage's end is the next try."),
    );
  const watch = source.watchPlans({
    onPlans: hand,
    onGap: () => {
      const roots = [...runs()].flatMap(({ leasedKey }) => (leasedKey === undefined ? [] : [parseRunKey(leasedKey).root]));
      for (const root of new Set(roots)) void readAnew(root);
    },
  });
  return () => watch.stop();
}
