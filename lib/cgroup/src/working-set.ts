/**
 * Memory in use without inactive page cache, for many readings a second. How much page cache is inactive stands in memory.stat,
 * the dearest of a group's files (the kernel sums up counters of all CPUs for it), so it is read only when it may matter.
 *
 * A reading is exact, or within 1 MB and what became active of the page cache within the last 100 ms.
 */
import { BYTES_PER_MB } from "./amounts.js";

const KNOWN_FOR_MS = 100;
const MOVED_BYTES = BYTES_PER_MB;

export class WorkingSet {
  readonly #inactiveBytes: () => number;
  #known: { readonly atMs: number; readonly usageBytes: number; readonly inactiveBytes: number } | undefined;

  constructor(inactiveBytes: () => number) {
    this.#inactiveBytes = inactiveBytes;
  }

  exactBytes(atMs: number, usageBytes: number): number {
    this.#known = { atMs, usageBytes, inactiveBytes: this.#inactiveBytes() };
    // The two are read one after the other, so the page cache may seem larger than everything.
    return Math.max(0, usageBytes - this.#known.inactiveBytes);
  }

  aboutBytes(atMs: number, usageBytes: number): number {
    const known = this.#known;
    if (!known || atMs - known.atMs >= KNOWN_FOR_MS || Math.abs(usageBytes - known.usageBytes) > MOVED_BYTES)
      return this.exactBytes(atMs, usageBytes);
    return Math.max(0, usageBytes - known.inactiveBytes);
  }
}
