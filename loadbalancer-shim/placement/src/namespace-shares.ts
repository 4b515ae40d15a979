/**
 * What each namespace holds of all invokers together. The share that counts is that of the resource of which it holds most (dominant
 * resource fairness; Ghodsi et al., 2011): to serve the one with the smallest share first is max-min fair in CPU and memory at once.
 */
import { type Allocation, roundAmount } from "@openwhisk-harvest/core";

const NOTHING: Allocation = { cpuCores: 0, memoryMb: 0 };

export class NamespaceShares {
  readonly #held = new Map<string, Allocation>();
  #capacity = NOTHING;

  /** What all invokers have. */
  resize(capacity: Allocation): void {
    this.#capacity = capacity;
  }

  /** Counts what it takes, or gives back when `sign` is -1. */
  move(namespace: string, { cpuCores, memoryMb }: Allocation, sign: 1 | -1): void {
    const before = this.#held.get(namespace) ?? NOTHING;
    const after = {
      cpuCores: roundAmount(before.cpuCores + sign * cpuCores),
      memoryMb: roundAmount(before.memoryMb + sign * memoryMb),
    };
    if (after.cpuCores > 0 || after.memoryMb > 0) this.#held.set(namespace, after);
    else this.#held.delete(namespace);
  }

  /** Its dominant share, 0 to 1; above it when work that runs already was taken over. */
  of(namespace: string): number {
    const held = this.#held.get(namespace);
    if (!held) return 0;
    return Math.max(shareOf(held.cpuCores, this.#capacity.cpuCores), shareOf(held.memoryMb, this.#capacity.memoryMb));
  }
}

function shareOf(held: number, capacity: number): number {
  return capacity > 0 ? held / capacity : 0;
}
