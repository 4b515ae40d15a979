import type { Clock } from "@openwhisk-harvest/core";

/** Times named steps, one after another; what a step throws passes through. */
export class StepTimer {
  readonly stepMs: Record<string, number> = {};
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async time<T>(step: string, work: () => Promise<T>): Promise<T> {
    const startedMs = this.#clock.monotonicMs();
    const result = await work();
    this.stepMs[step] = this.#clock.monotonicMs() - startedMs;
    return result;
  }

  timeSync<T>(step: string, work: () => T): T {
    const startedMs = this.#clock.monotonicMs();
    const result = work();
    this.stepMs[step] = this.#clock.monotonicMs() - startedMs;
    return result;
  }
}
