/**
 * Where a successor begins to look (shim-core.S1). The invokers' own topics are the record of what has been forwarded,
 * and the topics behind the prefix that of what has been acknowledged; a checkpoint is a set of offsets before which
 * nothing in flight stands:
 *   of the virtual invoker's topic: everything before it has been forwarded or failed;
 *   of each invoker's topic: everything before it has ended, and came from before the first offset;
 *   of each topic of acknowledgements: everything before it has been relayed, and belongs to what has ended.
 * An older checkpoint is as good as a newer one, only longer to read; so it may be written late, and by a replica that
 * has lost the charge. It is kept as the committed offsets of a consumer group that no consumer ever joins, in one
 * request.
 */

import type { Bus } from "./port.js";
import type { CoreMark, ShimCore } from "./shim-core.js";

export interface CheckpointParts {
  readonly bus: Bus;
  readonly group: string;
  readonly core: ShimCore;
  readonly virtualTopic: string;
  readonly invokerTopics: () => readonly string[];
  /** The next offset of each topic of acknowledgements. */
  readonly ackOffsets: () => ReadonlyMap<string, bigint>;
  /** Resolves when every acknowledgement that has been handed over to be sent stands in its topic. */
  readonly acksSent: () => Promise<void>;
}

export class Checkpoint {
  readonly #parts: CheckpointParts;
  #pending: { readonly mark: CoreMark; readonly offsets: Map<string, bigint> } | undefined;

  constructor(parts: CheckpointParts) {
    this.#parts = parts;
  }

  /** Takes the next mark, or writes the last one when the time is past it. */
  async advance(): Promise<void> {
    const { core } = this.#parts;
    this.#pending ??= await this.#take();
    const { mark, offsets } = this.#pending;
    if (!core.isPast(mark)) return;
    const next = core.committable;
    await this.#parts.acksSent();
    await this.#parts.bus.commit(this.#parts.group, new Map([...offsets, [this.#parts.virtualTopic, next]]));
    this.#pending = undefined;
  }

  /**
   * The offsets first, then the mark: whatever is forwarded in between stands after the offsets and is waited for as
   * well.
   */
  async #take() {
    const { bus, core, invokerTopics, ackOffsets } = this.#parts;
    const acks = new Map(ackOffsets());
    const bounds = await bus.bounds(invokerTopics());
    const ends = [...bounds].map(([topic, { end }]): [string, bigint] => [topic, end]);
    return { offsets: new Map([...acks, ...ends]), mark: core.mark() };
  }
}
