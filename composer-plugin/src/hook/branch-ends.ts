/**
 * How branches ended, as OpenWhisk has recorded it. A branch that was refused, killed or ran out of memory writes nothing to Redis: only
 * the record of its activation tells (barrier.J7).
 *
 * A look costs OpenWhisk a document or two, so a stage is looked at the more rarely the longer it takes, and a wide one bit by bit.
 */
import type { HookHost } from "./config.js";
import { branchErrorText, branchLostText, isObject } from "./wire.js";
import { within } from "./within.js";

/** Time between two looks of one stage: at least so long, and such a share of the time since its fork. */
const LOOK_EVERY_MS = 2_000;
const LOOK_EVERY_SHARE = 0.1;
/** Records asked for in one look, all at once. */
const MOST_PER_LOOK = 8;
/** What has not been answered by then is asked for at another look. */
const ANSWER_MS = 2_000;

/** `activations.get` of OpenWhisk's client. */
export type ReadActivation = (activationId: string) => Promise<unknown>;

export interface LookedAt {
  /** Activation ids of the branches, by position. */
  readonly branches: readonly string[];
  /** Epoch ms of the fork. */
  readonly sinceMs: number;
}

/** Looks at one stage while one activation waits for it. */
export class BranchEnds {
  readonly #stage: LookedAt;
  readonly #read: ReadActivation;
  readonly #host: HookHost;
  #nextLookMs: number;
  #nextPosition = 0;

  constructor(stage: LookedAt, read: ReadActivation, host: HookHost) {
    this.#stage = stage;
    this.#read = read;
    this.#host = host;
    this.#nextLookMs = stage.sinceMs + LOOK_EVERY_MS;
  }

  /**
   * The error of the stage, if a branch has ended that left no result; undefined when none is known to, or it is not yet time to look.
   * `leftResult` tells which positions have; `again` tells it anew: a branch leaves its result before it ends.
   */
  async look(leftResult: ReadonlySet<number>, again: () => Promise<ReadonlySet<number>>): Promise<string | undefined> {
    const nowMs = this.#host.nowMs();
    if (nowMs < this.#nextLookMs) return undefined;
    this.#nextLookMs = nowMs + Math.max(LOOK_EVERY_MS, LOOK_EVERY_SHARE * (nowMs - this.#stage.sinceMs));
    const ends = await Promise.all(this.#nextPositions(leftResult).map((position) => this.#endOf(position)));
    if (ends.every((end) => end === undefined)) return undefined;
    const left = await again();
    return ends.find((end) => end !== undefined && !left.has(end.position))?.error;
  }

  /** Some of those that have left nothing; the next look goes on after them. */
  #nextPositions(leftResult: ReadonlySet<number>): number[] {
    const { branches } = this.#stage;
    const open = [...branches.keys()].filter((position) => !leftResult.has(position) && branches[position]);
    const from = Math.max(
      0,
      open.findIndex((position) => position >= this.#nextPosition),
    );
    const chosen = [...open.slice(from), ...open.slice(0, from)].slice(0, MOST_PER_LOOK);
    this.#nextPosition = (chosen.at(-1) ?? -1) + 1;
    return chosen;
  }

  /** Undefined while there is no record, and when OpenWhisk cannot tell. */
  async #endOf(position: number): Promise<{ readonly position: number; readonly error: string } | undefined> {
    const activationId = this.#stage.branches[position] as string;
    try {
      const record = await within(this.#read(activationId), ANSWER_MS, this.#host);
      if (!isObject(record) || !isObject(record["response"])) return undefined;
      return { position, error: branchLostText(position, branchErrorText(record["response"]["result"]), activationId) };
    } catch {
      return undefined; // by design: it has no record yet (404), or the next look may find one
    }
  }
}
