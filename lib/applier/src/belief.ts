/**
 * Which published allocation is believed. Between Redis and a container's limits stands this one rule, the same for every applier: an
 * allocation counts only if all of it fits, and otherwise the run has its user allocation, exactly (H3). Pure.
 *
 * belief.B1  It is the decision that was stamped at the fork; without a stamp there is no harvesting, whatever Redis says later.
 * belief.B2  It was published for the namespace of this very activation: no namespace takes another's allocation.
 * belief.B3  Every amount lies on the grid of this node (H2), the untouched resource being absent.
 * belief.B4  It was signed by this deployment's sidecar for this very run: what else can write to Redis grants nothing.
 */
import { type Grid, isOnGrid, isSignedFor, type PublishedAllocation, type RunKey, type SigningKey } from "@openwhisk-harvest/core";

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

/** The allocation if it is to be applied to this run, else undefined. Without a seal, in a deployment without a secret, belief.B4 is not asked. */
export function believedAllocation(
  allocation: PublishedAllocation | undefined,
  { namespace, stamp }: Beneficiary,
  grid: Grid,
  seal?: Seal,
): PublishedAllocation | undefined {
  if (!allocation || stamp === undefined || allocation.decision !== stamp) return undefined; // belief.B1
  if (allocation.namespace !== namespace) return undefined; // belief.B2
  const { cpuCores, memoryMb } = allocation;
  if (cpuCores !== undefined && !isOnGrid(grid.cpuCores, cpuCores)) return undefined; // belief.B3
  if (memoryMb !== undefined && !isOnGrid(grid.memoryMb, memoryMb)) return undefined;
  if (seal && !isSignedFor(seal.key, seal.run, allocation)) return undefined; // belief.B4
  return allocation;
}
