/**
 * Whether a namespace may have the waiting action, and with which limits. Pure: from what `GET /namespaces/_/limits` answers
 * (Limits.scala; openwhisk-protocol, 6).
 *
 * waiting-limits.L1  It needs runs that share a container: `maxActionConcurrency` above 1. OpenWhisk's default is 1.
 * waiting-limits.L2  It needs a log limit of 0: the logs of runs that share a container cannot be told apart, so an invoker that collects
 *                    them would.
 * waiting-limits.L3  As many waits share a container as the namespace may have, up to MOST_WAITS, in as little memory as a nodejs
 *                    action needs, for as long as it may take, up to LONGEST_MS.
 * waiting-limits.L4  What the answer does not say is OpenWhisk's default.
 */
import { isObject } from "@openwhisk-harvest/core";

/** Waits of one container. Each is a request that an invoker keeps open, and some kB here. */
const MOST_WAITS = 200;
const MEMORY_MB = 128;
/** OpenWhisk's default for the longest time limit. */
const LONGEST_MS = 300_000;

/** OpenWhisk's limits of an action: times in ms, memory and logs in MB. */
export interface WaitingLimits {
  readonly concurrency: number;
  readonly timeout: number;
  readonly memory: number;
  readonly logs: number;
}

/** The limits of the waiting action, or why there can be none. */
export function waitingLimits(answer: unknown): WaitingLimits | string {
  const limit = limitsOf(answer);
  const mostShared = limit("maxActionConcurrency", 1);
  if (mostShared <= 1) return `whisk.concurrency-limit lets ${mostShared} run have a container at a time`;
  if (limit("minActionLogs", 0) > 0) return "whisk.log-limit lets no action go without logs";
  return {
    concurrency: Math.min(mostShared, MOST_WAITS),
    timeout: Math.min(limit("maxActionTimeout", LONGEST_MS), LONGEST_MS),
    memory: Math.max(limit("minActionMemory", MEMORY_MB), MEMORY_MB),
    logs: 0,
  };
}

function limitsOf(answer: unknown): (name: string, fallback: number) => number {
  return (name, fallback) => {
    const value = isObject(answer) ? answer[name] : undefined;
    return typeof value === "number" ? value : fallback;
  };
}
