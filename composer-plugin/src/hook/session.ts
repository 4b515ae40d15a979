/**
 * What the hook remembers of one session: the field `harvest` of composer's own state `$composer`, which OpenWhisk hands
 * from one activation of the session to the next.
 *
 *   root start     a user's or a caller's invocation: none of what follows. Whatever stands in `$composer.harvest` is not
 *                  ours and is thrown away.
 *   branch start   no `session`, but the `state` and the `stack` with its marker that composer gives to the branches it
 *                  invokes: `harvest` comes from the fork.
 *   resumption     a `session`: `harvest` is what the last activation left.
 *
 * A `harvest` that does not have our form counts as none: the session runs on, without keys.
 */
import { isActivationId, isObject, isTrail } from "./wire.js";

/** The stage this session waits for. */
export interface OpenStage {
  readonly barrierId: string;
  /** Epoch ms of its fork. */
  readonly sinceMs: number;
  /** Epoch ms after which the stage ends with an error. */
  readonly untilMs: number;
  /** The stage that the session is a branch of. */
  readonly outerId?: string;
  /** Activation ids of its branches, by position; "" for one that OpenWhisk has not accepted yet. */
  readonly branches: string[];
  /** Its branches have had to wait for room (turns.ts). */
  crowded?: true;
  /** The next activation brings an answer of the waiting action (waiting-join.ts). */
  waits?: true;
  /** No more of it is waited for in the waiting action (join-way.W4). */
  inTurns?: true;
  /** Why it has ended without its results; composer is told in the next activation, where it handles errors. */
  error?: string;
}

/** Mutable: it is one object with the field `harvest` of composer's state, so that changes travel on by themselves. */
export interface Session {
  /** R; absent: runs of this session carry no keys. */
  root?: string;
  trail: string;
  /** Id of the decision stamped at the innermost fork. */
  d?: string;
  /** Components invoked so far, and forks made so far. */
  seq: number;
  forks: number;
  stage?: OpenStage;
  /** How often the wait that the session is in, for a stage or for Redis, has given its container back (turns.ts). */
  turns?: number;
  /** In a branch: epoch ms after which its parent no longer waits for its result. */
  untilMs?: number;
}

export type Start = "root" | "branch" | "resumption";

export function startOf(composerState: unknown): Start {
  if (!isObject(composerState)) return "root";
  if (composerState["session"] !== undefined) return "resumption";
  const { state, stack } = composerState;
  return typeof state === "number" && Array.isArray(stack) && isMarker(stack[0]) ? "branch" : "root";
}

function isMarker(frame: unknown): boolean {
  return isObject(frame) && frame["marker"] === true;
}

export function rootSession(activationId: unknown): Session {
  return { ...(isActivationId(activationId) ? { root: activationId } : {}), trail: "", seq: 0, forks: 0 };
}

export function readSession(harvest: unknown): Session {
  const told = isObject(harvest) ? harvest : {};
  const { root, trail, d, seq, forks } = told;
  const untilMs = told["untilMs"];
  const session: Session = { trail: "", seq: count(seq) ?? 0, forks: count(forks) ?? 0 };
  if (isActivationId(root) && isTrail(trail)) {
    session.root = root;
    session.trail = trail;
    if (isDecisionId(d)) session.d = d;
  }
  const stage = readStage(told["stage"]);
  if (stage) session.stage = stage;
  if (typeof untilMs === "number") session.untilMs = untilMs;
  const turns = count(told["turns"]);
  if (turns) session.turns = turns;
  return session;
}

/** What a branch is told at its fork. */
export function branchSession(parent: Session, trail: string, d: string | undefined): Session {
  return {
    ...(parent.root === undefined ? {} : { root: parent.root }),
    trail,
    ...(d === undefined ? {} : { d }),
    seq: 0,
    forks: 0,
    ...(parent.stage ? { untilMs: parent.stage.untilMs } : {}),
  };
}

export function isDecisionId(id: unknown): id is string {
  return typeof id === "string" && /^[\w:.-]{1,128}$/.test(id);
}

function readStage(stage: unknown): OpenStage | undefined {
  if (!isObject(stage)) return undefined;
  const { barrierId, untilMs, sinceMs, branches, error } = stage;
  if (typeof barrierId !== "string" || typeof untilMs !== "number") return undefined;
  return {
    barrierId,
    untilMs,
    sinceMs: typeof sinceMs === "number" ? sinceMs : 0,
    branches: Array.isArray(branches) ? branches.map((id) => (isActivationId(id) ? id : "")) : [],
    ...(typeof stage["outerId"] === "string" ? { outerId: stage["outerId"] } : {}),
    ...(stage["crowded"] === true ? { crowded: true } : {}),
    ...(stage["waits"] === true ? { waits: true } : {}),
    ...(stage["inTurns"] === true ? { inTurns: true } : {}),
    ...(typeof error === "string" ? { error } : {}),
  };
}

function count(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
