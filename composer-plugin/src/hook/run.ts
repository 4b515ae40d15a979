/**
 * One activation of the conductor, as the hook sees it. Composer keeps its Redis and OpenWhisk clients between activations,
 * so what belongs to one activation is found by its asynchronous context.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { HookHost } from "./config.js";
import type { Session } from "./session.js";

/** What a branch could not deliver before its activation's deadline. */
export interface Undelivered {
  readonly params: unknown;
}

export interface Run {
  readonly session: Session;
  /** Epoch ms at which OpenWhisk ends this activation. */
  readonly deadlineMs: number;
  /** How long a fork of this activation may wait for a decision. */
  readonly decisionWaitMs: number;
  /** AST path of the node that composer has entered last. */
  path: string;
  /** The branch that this session is, if it is one. */
  readonly join?: { readonly position: number; readonly count: number };
  undelivered?: Undelivered;
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

export const runs = new AsyncLocalStorage<Run>();

/** OpenWhisk's default limit, for a platform that sets no deadline. */
const DEFAULT_TIMEOUT_MS = 60_000;

export function deadlineOf(host: HookHost): number {
  const deadlineMs = Number(host.env["__OW_DEADLINE"]);
  return Number.isFinite(deadlineMs) && deadlineMs > 0 ? deadlineMs : host.nowMs() + DEFAULT_TIMEOUT_MS;
}
