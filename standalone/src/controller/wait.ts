/** Waiting for an activation, but not for ever. */
import { CALLED_OFF, type Clock } from "@openwhisk-harvest/core";

/** The longest that a client waits for a blocking invocation (whisk.controller.activation.max-wait...). */
export const MAX_BLOCKING_WAIT_MS = 60_000;
/** What a composition or a sequence allows a step on top of the action's own time limit (PrimitiveActions.scala). */
export const STEP_WAIT_ADDON_MS = 60_000;

export type Waited<T> = { readonly done: true; readonly value: T } | { readonly done: false };

/**
 * A step of a sequence or composition. Without a bound it ends by itself; with one it has its time from when it is
 * placed.
 */
export interface Step<T> {
  readonly record: Promise<T>;
  readonly placed?: Promise<unknown>;
  readonly waitMs?: number;
}

export async function waitForStep<T>(clock: Clock, step: Step<T>): Promise<Waited<T>> {
  await step.placed;
  return step.waitMs === undefined ? { done: true, value: await step.record } : waitAtMost(clock, step.record, step.waitMs);
}

/** The promise's value, or `done: false` when it took longer. What the promise does later is then no error. */
export async function waitAtMost<T>(clock: Clock, promise: Promise<T>, ms: number): Promise<Waited<T>> {
  const alarm = new AbortController();
  const late = clock.sleep(ms, alarm.signal).then(
    () => ({ done: false }) as const,
    () => ({ done: false }) as const,
  );
  try {
    return await Promise.race([promise.then((value) => ({ done: true, value }) as const), late]);
  } finally {
    alarm.abort(CALLED_OFF);
  }
}
