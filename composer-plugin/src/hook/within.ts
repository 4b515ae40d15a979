/** A wait that has an end, and leaves nothing behind when it was not needed: a timer would keep its container's process at work. */
import type { HookHost } from "./config.js";

export const LATE = Symbol("late");

/** What the promise comes to, or LATE after so many ms. Rejects as the promise does. */
export async function within<T>(promise: Promise<T>, ms: number, host: HookHost): Promise<T | typeof LATE> {
  const over = new AbortController();
  const isOver = (): typeof LATE => LATE;
  const late = host.sleep(ms, over.signal).then(isOver, isOver); // or called off: the promise has come first
  try {
    return await Promise.race([promise, late]);
  } finally {
    over.abort();
  }
}

/** The same, for those to whom no answer in time is a failure like others. */
export async function inTime<T>(promise: Promise<T>, ms: number, host: HookHost): Promise<T> {
  const answer = await within(promise, ms, host);
  if (answer === LATE) throw new Error("no answer in time");
  return answer as T;
}
