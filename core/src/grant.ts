/**
 * Who is believed. Between Redis and a container's limits stands this one rule, the same for every applier: an allocation counts
 * only if all of it fits, and otherwise the run has its user allocation, exactly (H3). Pure.
 *
 * B1. It is the decision that was stamped at the fork; without a stamp there is no harvesting, whatever Redis says later.
 * B2. It was published for the namespace of this very activation: nobody takes another's allocation.
 * B3. Every amount lies on the grid of this node (H2), the untouched resource being absent.
 */
import type { PublishedAllocation } from "./decision.js";
import { type Grid, isOnGrid } from "./grid.js";

/** What the applier knows of the run by itself, not from Redis. */
export interface Beneficiary {
  /** Of the activation. */
  readonly namespace: string;
  /** The decision's id as the fork stamped it (`$harvest.d`). */
  readonly stamp?: string | undefined;
}

/** The allocation if it is to be applied to this run, else undefined. */
export function believedAllocation(
  allocation: PublishedAllocation | undefined,
  { namespace, stamp }: Beneficiary,
  grid: Grid,
): PublishedAllocation | undefined {
  if (!allocation || stamp === undefined || allocation.decision !== stamp) return undefined; // B1
  if (allocation.namespace !== namespace) return undefined; // B2
  const { cpuCores, memoryMb } = allocation;
  if (cpuCores !== undefined && !isOnGrid(grid.cpuCores, cpuCores)) return undefined; // B3
  if (memoryMb !== undefined && !isOnGrid(grid.memoryMb, memoryMb)) return undefined;
  return allocation;
}
