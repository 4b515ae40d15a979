import assert from "node:assert/strict";
import { systemClock } from "@openwhisk-harvest/core";

/** Polls until it holds; fails when it does not in time. */
export async function until(holds: () => boolean | Promise<boolean>, what: string, deadlineMs = 20_000): Promise<void> {
  const endMs = systemClock.monotonicMs() + deadlineMs;
  while (!(await holds())) {
    assert.ok(systemClock.monotonicMs() < endMs, `waited in vain until ${what}`);
    await systemClock.sleep(10);
  }
}
