/** What the tests of containers and invokers share. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "./logger.js";

/** Polls until it holds; throws when it does not within the deadline. */
export async function eventually(holds: () => boolean | Promise<boolean>, what: string, deadlineMs = 10_000): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`Not within ${deadlineMs} ms: ${what}`);
    await sleep(5);
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Keeps warnings and errors, so that a test can say that there were none. */
export function recordingLogger(): Logger & { readonly complaints: string[] } {
  const complaints: string[] = [];
  const keep = (fields: object, message: string) => {
    complaints.push(`${message} ${JSON.stringify(fields)}`);
  };
  return { complaints, debug: () => undefined, info: () => undefined, warn: keep, error: keep };
}
