/**
 * How long a conductor holds its container while it waits, so that no run waits for room that waiting runs hold (H7): it waits a turn,
 * gives its container back through a round of `echo`, and waits on when it gets one again. The turns grow, so that long stages take few
 * rounds out of the components that OpenWhisk allows a composition.
 *
 * A stage whose branches have all begun within BEGIN_MS of its fork found room for them. It is waited for without turns, as long as no
 * other stage of the namespace has had to wait for room lately: a full cluster is one whose newest fork waits. That one gives its
 * container back, and tells the others.
 */

/** How long a branch may take to begin before its stage counts as crowded; a cold start takes some 100 ms. */
export const BEGIN_MS = 1_000;
const FIRST_TURN_MS = 1_000;
/** Most stages are over by then. */
const FIRST_SHARED_TURN_MS = 4_000;
/** What composer itself waits in a conductor's default time limit. */
const LONGEST_TURN_MS = 55_000;

/** `turns`: how often this wait has given its container back. */
export function turnMs(turns: number): number {
  return Math.min(FIRST_TURN_MS * 2 ** turns, LONGEST_TURN_MS);
}

/**
 * The same for a wait in the waiting action. Its container comes after the fork, so that branches that have begun prove no room: each
 * wait gives it back. It holds a part of a container only: the more waits share that, the longer is a turn.
 */
export function sharedTurnMs(turns: number, waits: number): number {
  return Math.min(FIRST_SHARED_TURN_MS * 2 ** turns * waits, LONGEST_TURN_MS);
}

export interface Crowd {
  /** Epoch ms of the fork. */
  readonly sinceMs: number;
  /** Branches that were invoked, and those of them that have begun. */
  readonly width: number;
  readonly begun: number;
}

/** Whether the stage has had to wait for room for its branches. */
export function isCrowded({ sinceMs, width, begun }: Crowd, nowMs: number): boolean {
  return nowMs - sinceMs >= BEGIN_MS && begun < width;
}
