/**
 * Hysteresis around a policy: a stage that was left at U the last time needs a gain worth the move, one that was split stays split as
 * long as there is any. So a workflow whose predicted gain lies near the threshold does not go to and fro from run to run.
 *
 *   last time at U    gain > 2 % of the stage's time with U      (a stage of 500 ms: 10 ms, about what a move of limits costs)
 *   last time split   gain > 0
 */
export const ENTER_GAIN_SHARE = 0.02;
export const STAY_GAIN_SHARE = 0;

export function leastGainShare(wasSplit: boolean): number {
  return wasSplit ? STAY_GAIN_SHARE : ENTER_GAIN_SHARE;
}

/** How the stages of the workflows were decided last, as far back as is remembered: a forgotten one counts as left at U. */
export class VerdictMemory {
  readonly #split = new Set<string>();
  readonly #capacity: number;

  /** Some 100 bytes each. */
  constructor(capacity = 10_000) {
    this.#capacity = capacity;
  }

  wasSplit(namespace: string, dag: string, forkPath: string): boolean {
    return this.#split.has(keyOf(namespace, dag, forkPath));
  }

  note(namespace: string, dag: string, forkPath: string, isSplit: boolean): void {
    const key = keyOf(namespace, dag, forkPath);
    this.#split.delete(key); // and added anew, so that the longest unseen goes first
    if (isSplit) this.#split.add(key);
    const [oldest] = this.#split;
    if (this.#split.size > this.#capacity && oldest !== undefined) this.#split.delete(oldest);
  }
}

function keyOf(namespace: string, dag: string, forkPath: string): string {
  return JSON.stringify([namespace, dag, forkPath]);
}
