/**
 * Who is believed. Between Redis and a container's limits stands this one rule, the same for every applier: an allocation counts
 * only if all of it fits, and otherwise the run has its user allocation, exactly (H3). Pure.
 *
 * B1. It is the decision that was stamped at the fork; without a stamp there is no harvesting, whatever Redis says later.
 * B2. It was published for the namespace of this very activation: nobody takes another's allocation.
 * B3. Every amount lies on the grid of this node (H2), the untouched resource being absent.
 * B4. It was signed by this deployment's sidecar for this very run (signature.ts): nobody who can write to Redis grants himself one.
 */
import type { PublishedAllocation } from "./decision.js";
import { type Grid, isOnGrid } from "./grid.js";
import type { RunKey } from "./run-key.js";
import { isSignedFor, type SigningKey } from "./signature.js";

/** What the applier knows of the run by itself, not from Redis. */
export interface Beneficiary {
  /** Of the activation. */
  readonly namespace: string;
  /** The decision's id as the fork stamped it (`$harvest.d`). */
  readonly stamp?: string | undefined;
}

/** What a signature is checked with: the deployment's secret, and the run whose key the activation showed. */
export interface Seal {
  readonly key: SigningKey;
  readonly run: Pick<RunKey, "root" | "trail" | "astPath">;
}

/** The allocation if it is to be applied to this run, else undefined. Without a seal, in a deployment without a secret, B4 is not asked. */
export function believedAllocation(
  allocation: PublishedAllocation | undefined,
  { namespace, stamp }: Beneficiary,
  grid: Grid,
  seal?: Seal,
): PublishedAllocation | undefined {
  if (!allocation || stamp === undefined || allocation.decision !== stamp) return undefined; // B1
  if (allocation.namespace !== namespace) return undefined; // B2
  const { cpuCores, memoryMb } = allocation;
  if (cpuCores !== undefined && !isOnGrid(grid.cpuCores, cpuCores)) return undefined; // B3
  if (memoryMb !== undefined && !isOnGrid(grid.memoryMb, memoryMb)) return undefined;
  if (seal && !isSignedFor(seal.key, seal.run, allocation)) return undefined; // B4
  return allocation;
}
