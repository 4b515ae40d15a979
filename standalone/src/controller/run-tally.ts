/** The runs of a namespace, or of all, in numbers. */
import type { RunsView } from "./admission-rules.js";

/** Weight of the run that ended last in the mean: the mean forgets what was before some ten runs. */
const NEWEST = 0.1;

/** Where a run that was let in stands. */
export type RunStage = "arriving" | "waiting" | "begun";

export class RunTally {
  inFlight = 0;
  /** With runs in flight. */
  namespaces = 0;
  readonly #count: Record<RunStage, number> = { arriving: 0, waiting: 0, begun: 0 };
  /** Sum of the times at which those that are under way have begun. */
  #begunAtMs = 0;
  #meanMs: number | undefined;
  #meanAsked: number | undefined;

  /** Nothing is in flight, so all that is left is the mean. */
  get isIdle(): boolean {
    return this.inFlight === 0;
  }

  get waiting(): number {
    return this.#count.waiting;
  }

  enter(stage: RunStage, nowMs: number): void {
    this.#count[stage]++;
    if (stage === "begun") this.#begunAtMs += nowMs;
  }

  /** `sinceMs`: when it entered the stage. */
  leave(stage: RunStage, sinceMs: number): void {
    this.#count[stage]--;
    if (stage === "begun") this.#begunAtMs = this.#count.begun === 0 ? 0 : this.#begunAtMs - sinceMs;
  }

  /** A run has ended: how long it took once it had begun, and what its functions have asked for meanwhile, on average over that time. */
  took(ms: number, asked: number): void {
    this.#meanMs = meanWith(this.#meanMs, ms);
    this.#meanAsked = meanWith(this.#meanAsked, asked);
  }

  view(nowMs: number): RunsView {
    const { begun } = this.#count;
    const ageMs = begun === 0 ? 0 : nowMs - this.#begunAtMs / begun;
    return { inFlight: this.inFlight, ...this.#count, meanMs: this.#meanMs, meanAsked: this.#meanAsked, ageMs };
  }
}

function meanWith(mean: number | undefined, newest: number): number {
  return mean === undefined ? newest : mean + NEWEST * (newest - mean);
}
