/**
 * One wait for a stage: by a conductor, in its container (redis-join.ts), or in the waiting action (waiting/waiting-action.ts). Before
 * each slice of waiting it asks how the branches have ended, and how long its container may still be held (turns.ts).
 */
import { type Barriers, type OnLook, StageLost, type StageView } from "./barrier.js";
import { BranchEnds, type LookedAt, type ReadActivation } from "./branch-ends.js";
import type { HookHost } from "./config.js";

export interface WaitedFor extends LookedAt {
  readonly barrierId: string;
  /** Epoch ms after which the stage is over. */
  readonly untilMs: number;
  /** The stage that this one's session is a branch of. */
  readonly outerId?: string;
}

export interface WaitTimes {
  /** Epoch ms at which the wait ends in any case. */
  readonly untilMs: number;
  /** Epoch ms to which the container may be held, by what is seen of the stage now; the wait is over when that has come. */
  holdUntil(view: StageView): Promise<number>;
}

export interface WaitParts {
  readonly barriers: Pick<Barriers, "ended" | "isGone">;
  readonly readActivation: ReadActivation;
  readonly host: HookHost;
}

/** barrier.J8. For the branch's record: its composition has ended. */
const OUTER_HAS_ENDED = "The parallel stage that this one is in a branch of has ended";

/** `wait`: `untilFull` or `collect` of the stage's barrier. Throws StageLost when a branch has ended without a result (barrier.J7), or an outer stage. */
export function waitForStage<T>(
  stage: WaitedFor,
  { untilMs, holdUntil }: WaitTimes,
  { barriers, readActivation, host }: WaitParts,
  wait: (deadlineMs: number, onLook: OnLook) => Promise<T>,
): Promise<T> {
  const ends = new BranchEnds(stage, readActivation, host);
  const lookAgain = () => barriers.ended(stage.barrierId, untilMs);
  return wait(Math.min(untilMs, stage.untilMs), async (view) => {
    const error = await ends.look(view.ended, lookAgain);
    if (error !== undefined) throw new StageLost(error);
    if (stage.outerId !== undefined && (await barriers.isGone(stage.outerId, untilMs))) throw new StageLost(OUTER_HAS_ENDED);
    return holdUntil(view);
  });
}
