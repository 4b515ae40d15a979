import type { Config } from "@openwhisk-harvest/core";

/** What a conductor is told at its deployment; the addresses it is told by its container's environment. */
export function deploySettings({ decision, parallel }: Config): { deadlineMs: number; coldDeadlineMs: number; stageTimeoutMs: number } {
  return { deadlineMs: decision.deadlineMs, coldDeadlineMs: decision.coldDeadlineMs, stageTimeoutMs: parallel.stageTimeoutMs };
}
