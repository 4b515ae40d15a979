/**
 * One activation of the conductor, as the hook sees it. Composer keeps its Redis and OpenWhisk clients between activations,
 * so what belongs to one activation is found by its asynchronous context.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { HookHost } from "./config.js";
import type { OpenStage, Session } from "./session.js";
import type { BranchOf } from "./wire.js";

/** What a branch has to deliver to its parent: composer's parameters at its end. */
export interface BranchResult {
  readonly params: unknown;
}

export interface ConductorActivation {
  readonly session: Session;
  /** Epoch ms at which OpenWhisk ends this activation. */
  readonly deadlineMs: number;
  /** How long a fork of this activation may wait for a decision. */
  readonly decisionWaitMs: number;
  /** AST path of the node that composer has entered last. */
  path: string;
  /** Options of OpenWhisk's client that the composition's caller gave. */
  readonly openwhisk?: unknown;
  /** The branch that this session is, if it is one. */
  readonly join?: BranchOf;
  /** Redis could not take it before the activation's deadline. */
  undelivered?: BranchResult;
  /** The server takes it, with the end of the session. */
  delivered?: BranchResult;
  /** In a parent: the results of the stage that has just been joined, as composer pushed them. */
  joined: string[] | undefined;
  /** Why the last stage of this activation could not be opened. */
  forkTrouble?: string;
  /** Forks of this activation by their barrier: number and stamp, settled before the first branch is invoked. */
  readonly forks: Map<string, Promise<ForkStamp>>;
  /** By the same barrier, the sizes of what its branches are invoked with, in their order. */
  readonly itemBytes: Map<string, number[]>;
  /** Errors of our own; they cost the harvesting, never the composition. */
  troubles: number;
}

export interface ForkStamp {
  readonly forkPath: string;
  readonly forkNo: number;
  readonly d?: string;
}

export const activations = new AsyncLocalStorage<ConductorActivation>();

export function currentActivation(): ConductorActivation {
  const activation = activations.getStore();
  if (!activation) throw new Error("A stage is joined outside of an activation");
  return activation;
}

/** The session waits for this stage from now on: until its own time is over, or that of the stage it is a branch of. */
export function openStage(activation: ConductorActivation, barrierId: string, nowMs: number, timeoutMs: number): OpenStage {
  const untilMs = Math.min(nowMs + timeoutMs, activation.session.untilMs ?? Number.POSITIVE_INFINITY);
  const outerId = activation.join?.barrierId;
  const stage: OpenStage = { barrierId, sinceMs: nowMs, untilMs, branches: [], ...(outerId === undefined ? {} : { outerId }) };
  activation.session.stage = stage;
  delete activation.session.turns;
  delete activation.forkTrouble;
  return stage;
}

/** The session waits for no stage any more. */
export function closeStage({ session }: Pick<ConductorActivation, "session">): void {
  delete session.stage;
  delete session.turns;
}

/** OpenWhisk's default limit, for a platform that sets no deadline. */
const DEFAULT_TIMEOUT_MS = 60_000;

export function deadlineOf(host: HookHost): number {
  const deadlineMs = Number(host.env["__OW_DEADLINE"]);
  return Number.isFinite(deadlineMs) && deadlineMs > 0 ? deadlineMs : host.nowMs() + DEFAULT_TIMEOUT_MS;
}
