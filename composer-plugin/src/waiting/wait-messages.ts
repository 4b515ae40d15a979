/** What conductors and the waiting action tell each other. Times are spans: the two need not agree about the date. */
import { isActivationId, isObject } from "../hook/wire.js";

/** The waiting action's name in its namespace. */
export const WAITING_ACTION = "harvest-join";

export interface WaitRequest {
  readonly v: 1;
  readonly barrierId: string;
  /** Time since the fork, and the rest of the stage's time. */
  readonly ageMs: number;
  readonly waitMs: number;
  /** The stage that the waiting session is a branch of. */
  readonly outerId?: string;
  /** How often this wait has given its container back. */
  readonly turns: number;
  /** Activation ids of the branches, by position; "" for one that is not known. */
  readonly branches: readonly string[];
  /** Options of OpenWhisk's client that the composition's caller gave. */
  readonly openwhisk?: unknown;
}

/**
 * full    all branches have left their results.
 * open    the wait has given its container back, or has reached the action's time limit: wait on.
 * lost    the stage has ended without its results; `reason` is for the user of the composition.
 * unseen  this action cannot see the stage; `reason` is for people.
 */
export interface WaitAnswer {
  readonly v: 1;
  readonly stage: "full" | "open" | "lost" | "unseen";
  readonly reason?: string;
}

/** What the deployment asks, and is told: whether runs share the container, and why Redis cannot be reached from there. */
export interface ProbeRequest {
  readonly v: 1;
  readonly probe: true;
}
export interface ProbeAnswer {
  readonly v: 1;
  readonly isShared: boolean;
  readonly trouble?: string;
}

export function isProbe(params: unknown): params is ProbeRequest {
  return isObject(params) && params["v"] === 1 && params["probe"] === true;
}

/** Undefined for anything else. */
export function readWaitRequest(params: unknown): WaitRequest | undefined {
  if (!isObject(params)) return undefined;
  const { v, barrierId, ageMs, waitMs, turns, branches, outerId, openwhisk } = params;
  if (v !== 1 || typeof barrierId !== "string" || !Array.isArray(branches)) return undefined;
  if (!isSpan(ageMs) || !isSpan(waitMs) || !isSpan(turns)) return undefined;
  return {
    ...{ v, barrierId, ageMs, waitMs, turns },
    branches: branches.map((id) => (isActivationId(id) ? id : "")),
    ...(typeof outerId === "string" && { outerId }),
    ...(openwhisk !== undefined && { openwhisk }),
  };
}

function isSpan(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

const STAGES: readonly unknown[] = ["full", "open", "lost", "unseen"] satisfies WaitAnswer["stage"][];

/** Undefined for what the waiting action has not answered: an error of OpenWhisk, or another action's result. */
export function readWaitAnswer(result: unknown): WaitAnswer | undefined {
  if (!isObject(result) || result["v"] !== 1 || !STAGES.includes(result["stage"])) return undefined;
  const { reason } = result;
  return { v: 1, stage: result["stage"] as WaitAnswer["stage"], ...(typeof reason === "string" && { reason }) };
}

/** Undefined for what the waiting action has not answered. */
export function readProbeAnswer(result: unknown): ProbeAnswer | undefined {
  if (!isObject(result) || result["v"] !== 1 || typeof result["isShared"] !== "boolean") return undefined;
  const { isShared, trouble } = result;
  return { v: 1, isShared, ...(typeof trouble === "string" && { trouble }) };
}
