/**
 * Hands plans to the runs that they are for: one watch for all runs of an invoker. After an outage of Redis the plans of every run
 * are read anew (plan.ts, P3); what comes twice the holds ignore.
 */
import {
  type AllocationStore,
  messageOf,
  type PlanEntries,
  type PlanWatch,
  type PublishedAllocation,
  parseRunKey,
  type SigningKey,
  verifyAllocation,
} from "@openwhisk-harvest/core";
import type { Logger } from "../container/logger.js";

export type PlanSource = Pick<AllocationStore, "plans" | "watchPlans">;

/** A run that plans may move. */
export interface PlannedRun {
  plan(allocation: PublishedAllocation): void;
}

export interface PlanDeskOptions {
  /** Nobody plans when absent. */
  readonly source?: PlanSource;
  /** Only plans that are signed with it are handed on; all when absent. */
  readonly signingKey?: SigningKey;
  readonly logger: Logger;
}

export class PlanDesk {
  readonly #options: PlanDeskOptions;
  /** By R, by run key. */
  readonly #runs = new Map<string, Map<string, PlannedRun>>();
  readonly #watch: PlanWatch | undefined;

  constructor(options: PlanDeskOptions) {
    this.#options = options;
    this.#watch = options.source?.watchPlans({
      onPlans: (root, entries) => this.#hand(root, entries),
      onGap: () => {
        for (const root of this.#runs.keys()) this.#readAnew(root);
      },
    });
  }

  /** Call the answer when the run has ended. */
  add(k: string, run: PlannedRun): () => void {
    const { root } = parseRunKey(k);
    const runs = this.#runs.get(root) ?? new Map<string, PlannedRun>();
    this.#runs.set(root, runs.set(k, run));
    return () => {
      if (runs.get(k) === run) runs.delete(k);
      if (runs.size === 0 && this.#runs.get(root) === runs) this.#runs.delete(root);
    };
  }

  async close(): Promise<void> {
    await this.#watch?.stop();
  }

  #hand(root: string, entries: PlanEntries): void {
    const runs = this.#runs.get(root);
    if (!runs) return;
    for (const [k, run] of runs) {
      const allocation = Object.hasOwn(entries, k) ? entries[k] : undefined;
      if (allocation && this.#isSigned(root, k, allocation)) run.plan(allocation);
    }
  }

  #isSigned(root: string, k: string, allocation: PublishedAllocation): boolean {
    const { signingKey } = this.#options;
    return !signingKey || verifyAllocation(signingKey, { ...allocation, root, field: k }, allocation.signature);
  }

  #readAnew(root: string): void {
    const { source, logger } = this.#options;
    source?.plans(root).then(
      (entries) => this.#hand(root, entries),
      (error) => logger.debug({ root, error: messageOf(error) }, "Plans cannot be read; the next outage's end is the next try."),
    );
  }
}
