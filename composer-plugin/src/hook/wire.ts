/** What the hook needs of core's formats, for trails that travel as text. Of core only the files used here end up in the bundle. */
import { type ForkStep, formatForkStep, MAX_KEY_LENGTH, type RunKey } from "@openwhisk-harvest/core";

export {
  type BranchOf,
  branchErrorText,
  branchLostText,
  formatHookCounts,
  HOOK_COUNTS_HEADER,
  HOOK_OUTCOMES,
  type HookCounts,
  type HookOutcome,
  inputBytesOf,
  isActivationId,
  isObject,
  isTrail,
  JOIN_VARIABLE,
  type JoinRequest,
  messageOf,
  readBranchOf,
  stageTimeoutText,
  unixRedisOf,
} from "@openwhisk-harvest/core";

export function extendTrail(trail: string, step: ForkStep): string {
  return `${trail === "" ? "" : `${trail}/`}${formatForkStep(step)}`;
}

/** The key of a function run, or undefined when it would be longer than any reader accepts. */
export function runKey({ root, trail, astPath, seq }: Omit<RunKey, "trail"> & { trail: string }): string | undefined {
  const key = `${root}:${trail}/${astPath}:${seq}`;
  return key.length <= MAX_KEY_LENGTH ? key : undefined;
}
