/**
 * The parallel stages of one session, joined in process (core, join.ts). A stage opens with its first branch, is full when each of
 * its branches has left a result, and ends once: full, or with an error.
 * Its wait holds neither container nor permit (H7).
 *
 *   enter (a branch is invoked) ... -> join (the conductor has invoked all) -> full | an error
 *
 * Invariants, cited by the tests:
 * stages.F1  A stage is full when all branches that were invoked have left a result; their order is that of their
 *     positions.
 * stages.F2  A branch that ends without a result ends its stage at once, and the error names it.
 * stages.F3  A stage ends when its time is over, and when its session ends, also one that is never joined.
 * stages.F4  When a stage ends before its branches, no further step of theirs is run: their signal is aborted. What runs
 *     comes to its own end.
 */
import { setMaxListeners } from "node:events";
import { type BranchOf, branchLostText, CALLED_OFF, type Clock, type JoinRequest, stageTimeoutText } from "@openwhisk-harvest/core";
import type { JsonObject } from "./json.js";
import { waitAtMost } from "./wait.js";

/** How a branch's session ended. */
export type BranchEnd = { readonly result: unknown } | { readonly error: string; readonly activationId: string };

/** What a branch has of its stage. */
export interface BranchSeat {
  readonly signal: AbortSignal;
  /** Once, when its session has ended. */
  end(how: BranchEnd): void;
}

type StageEnd = { readonly value: readonly unknown[] } | { readonly error: string };

class Stage {
  readonly #results: unknown[] = [];
  readonly #running = new Set<number>();
  readonly #branches = new AbortController();
  #isJoined = false;
  #error: string | undefined;
  #tell: (end: StageEnd) => void = () => undefined;
  readonly ended = new Promise<StageEnd>((resolve) => {
    this.#tell = resolve;
  });

  constructor() {
    setMaxListeners(0, this.#branches.signal); // all branches have one
  }

  /** Undefined for a position that is taken: that invocation is no branch of the stage. */
  enter(position: number): BranchSeat | undefined {
    if (this.#running.has(position) || position in this.#results) return undefined;
    this.#running.add(position);
    return { signal: this.#branches.signal, end: (how) => this.#leave(position, how) };
  }

  /** Until then a stage cannot end: that of a conductor which joins by itself, over Redis, never does. */
  join(): void {
    this.#isJoined = true;
    this.#endIfDone();
  }

  /** Does nothing when it has ended. */
  fail(error: string): void {
    this.#tell({ error });
    this.#branches.abort(CALLED_OFF);
  }

  #leave(position: number, how: BranchEnd): void {
    if (!this.#running.delete(position)) return;
    if ("error" in how) this.#error ??= branchLostText(position, how.error, how.activationId);
    else this.#results[position] = how.result;
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (!this.#isJoined) return;
    if (this.#error !== undefined) this.fail(this.#error);
    else if (this.#running.size === 0) this.#tell({ value: Array.from(this.#results) });
  }
}

export class Stages {
  readonly #open = new Map<string, Stage>();

  /** A branch of one of this session's stages. */
  enter({ barrierId, position }: BranchOf): BranchSeat | undefined {
    const stage = this.#open.get(barrierId) ?? new Stage();
    this.#open.set(barrierId, stage);
    return stage.enter(position);
  }

  /** What the conductor is invoked with next. */
  async join({ barrierId, waitMs, timeoutMs }: JoinRequest, clock: Clock): Promise<JsonObject> {
    const stage = this.#open.get(barrierId);
    if (!stage) return { error: `There is no parallel stage ${barrierId} to join` };
    stage.join();
    const waited = await waitAtMost(clock, stage.ended, waitMs);
    if (!waited.done) stage.fail(stageTimeoutText(timeoutMs));
    this.#open.delete(barrierId);
    return waited.done ? waited.value : { error: stageTimeoutText(timeoutMs) };
  }

  /** Its session has ended (stages.F3). */
  close(): void {
    for (const stage of this.#open.values()) stage.fail("its composition has ended");
    this.#open.clear();
  }
}
