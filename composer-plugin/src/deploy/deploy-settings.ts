import type { Config } from "@openwhisk-harvest/core";
import type { DeployOptions } from "./deploy.js";

type DeploySettings = Pick<DeployOptions, "deadlineMs" | "coldDeadlineMs" | "breakerFailures" | "breakerOpenMs" | "stageTimeoutMs">;

/** What a conductor is told at its deployment; the addresses it is told by its container's environment. */
export function deploySettings({ decision, parallel }: Config): DeploySettings {
  const { deadlineMs, coldDeadlineMs, breakerFailures, breakerOpenMs } = decision;
  return { deadlineMs, coldDeadlineMs, breakerFailures, breakerOpenMs, stageTimeoutMs: parallel.stageTimeoutMs };
}
