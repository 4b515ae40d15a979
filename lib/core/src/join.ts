/**
 * How the embedded OpenWhisk joins a parallel stage for conductors of ours: waiting is a step of its own, as `echo` is one, and holds
 * nothing. What the two tell each other:
 *
 *   server -> conductor   the environment variable JOIN_VARIABLE names the joining step. Without it stages are joined over Redis.
 *   fork -> server        `{action: <that step>, params: JoinRequest}`, when all branches have been invoked
 *   branch -> server      its session's result: what composer answers at the end of a branch, with the branch's `result` in it
 *   server -> conductor   the stage's result, as composer has it: `{value: [...]}` in the order of the branches, or `{error}`
 */
import { isObject } from "./json.js";

/** Set by a server that joins, for its conductors. */
export const JOIN_VARIABLE = "HARVEST_JOIN_ACTION";
/** The name of the step on the embedded OpenWhisk. */
export const JOIN_ACTION = "/whisk.system/harvest/join";

/** What a fork waits for. Times are spans: the two need not agree about the date. */
export interface JoinRequest {
  readonly barrierId: string;
  /** The rest of the stage's time. */
  readonly waitMs: number;
  /** The stage's whole time, for the error's text. */
  readonly timeoutMs: number;
}

/** Undefined for anything else. */
export function readJoinRequest(params: unknown): JoinRequest | undefined {
  if (!isObject(params)) return undefined;
  const { barrierId, waitMs, timeoutMs } = params;
  return typeof barrierId === "string" && typeof waitMs === "number" && typeof timeoutMs === "number"
    ? { barrierId, waitMs, timeoutMs }
    : undefined;
}

/** The stage that a conductor's invocation of itself is a branch of: the field `join` of composer's state. */
export interface BranchOf {
  readonly barrierId: string;
  readonly position: number;
  readonly count: number;
}

export function readBranchOf(join: unknown): BranchOf | undefined {
  if (!isObject(join)) return undefined;
  const { barrierId, position, count } = join;
  return typeof barrierId === "string" && typeof position === "number" && typeof count === "number"
    ? { barrierId, position, count }
    : undefined;
}

/** The result that a branch's session hands over, boxed, for it may be any JSON; undefined when it hands over none. */
export function branchResultOf(answer: unknown, { barrierId }: Pick<BranchOf, "barrierId">): { readonly result: unknown } | undefined {
  if (!isObject(answer) || answer["method"] !== "join" || answer["barrierId"] !== barrierId || !("result" in answer)) return undefined;
  return { result: answer["result"] };
}

/** The error of a stage one of whose branches has ended and left no result. */
export function branchLostText(position: number, error: string, activationId: string): string {
  return `branch ${position} ended without a result: ${error}, activation ${activationId}`;
}

/** An error may be any JSON, of any size. */
const ERROR_TEXT_MAX_LENGTH = 500;

/** Of the result of a branch's session that left no result for its stage. */
export function branchErrorText(result: unknown): string {
  const error = isObject(result) ? result["error"] : undefined;
  if (error === undefined) return "it returned none";
  return (typeof error === "string" ? error : JSON.stringify(error)).slice(0, ERROR_TEXT_MAX_LENGTH);
}

export function stageTimeoutText(timeoutMs: number): string {
  return `The parallel stage has not ended within ${timeoutMs} ms of its fork`;
}
