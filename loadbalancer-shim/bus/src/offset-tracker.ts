/** How far a topic has been dealt with without a gap: the offset that may be committed. Offsets may have holes (control records). */
export class OffsetTracker {
  readonly #open = new Set<bigint>();
  #next: bigint;

  /** `next`: the first offset that will be read. */
  constructor(next: bigint) {
    this.#next = next;
  }

  /** False for a record that has been read before. */
  read(offset: bigint): boolean {
    if (offset < this.#next) return false;
    this.#open.add(offset);
    this.#next = offset + 1n;
    return true;
  }

  done(offset: bigint): void {
    this.#open.delete(offset);
  }

  /** Everything before this offset is done. Offsets are read in order, so the first open one is the smallest. */
  get committable(): bigint {
    for (const offset of this.#open) return offset;
    return this.#next;
  }
}
