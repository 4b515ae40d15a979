/** What the hook does before and after composer's own `main`, once per activation of the conductor. */
import { type ConductorActivation, deadlineOf } from "./conductor-activation.js";
import { type HookConfig, type HookHost, redisUrlOf } from "./config.js";
import type { Decisions } from "./decisions.js";
import { wayOf } from "./join-way.js";
import { withoutPlaceholder } from "./openwhisk-module.js";
import { addTurn, afterRound } from "./redis-join.js";
import { REDIS_PLACEHOLDER } from "./redis-module.js";
import { afterJoin, branchEnd, joinActionOf, joiningStep } from "./server-join.js";
import { readSession, rootSession, type Session, type Start, startOf } from "./session.js";
import { waitingStep } from "./waiting-join.js";
import { inputBytesOf, isObject, readBranchOf, runKey } from "./wire.js";

/** OpenWhisk's action that gives its parameters back: composer's way to get another activation. */
const ECHO = "/whisk.system/utils/echo";

export interface Begun {
  readonly start: Start;
  readonly activation: ConductorActivation;
  /** What composer's main is called with. */
  readonly params: object;
  /** `$composer` in these parameters; composer takes it out, and adds the session to it. */
  readonly composerState: object;
}

/** Reads what this activation is, takes what belongs to the hook out of the parameters, and asks for a decision if this is a new root run. */
export function begin(given: unknown, config: HookConfig, host: HookHost, decisions: Decisions, cold: boolean): Begun {
  const params = asObject(given) as Record<string, unknown>;
  delete params["$harvest"];
  const told = params["$composer"];
  const start = startOf(told);
  const state: Record<string, unknown> = isObject(told) ? told : {};
  const session = sessionOf(start, state, host);
  state["harvest"] = session;
  if (redisUrlOf(config, host) ?? joinActionOf(host)) state["redis"] = { uri: REDIS_PLACEHOLDER };
  params["$composer"] = state;
  const join = readBranchOf(state["join"]);
  const activation: ConductorActivation = {
    session,
    deadlineMs: deadlineOf(host),
    decisionWaitMs: cold ? config.coldDeadlineMs : config.deadlineMs,
    path: "",
    ...(join ? { join } : {}),
    openwhisk: state["openwhisk"],
    joined: undefined,
    forks: new Map(),
    itemBytes: new Map(),
    troubles: 0,
  };
  if (state["collect"] !== undefined) {
    if (wayOf(config, host).way === "server") afterJoin(state, session);
    else afterRound(params, state, session);
  }
  if (start === "root" && session.root !== undefined) decisions.ask(session.root, inputBytesOf(params));
  return { start, activation, params, composerState: state };
}

/** composer wraps what is no dictionary, and takes nothing for an empty one. */
function asObject(given: unknown): object {
  if (typeof given === "object" && given !== null) return given;
  return given === undefined || given === null ? {} : { value: given };
}

function sessionOf(start: Start, state: Record<string, unknown>, host: HookHost): Session {
  return start === "root" ? rootSession(host.env["__OW_ACTIVATION_ID"]) : readSession(state["harvest"]);
}

/** Composer's result, with the key of the component's run in it; or another round for a branch that could not deliver. */
export function end(given: unknown, { activation, composerState }: Begun, config: HookConfig, host: HookHost): unknown {
  const result = activation.forkTrouble === undefined ? given : withReason(given, activation.forkTrouble);
  if (activation.undelivered && host.nowMs() < (activation.session.untilMs ?? 0)) {
    addTurn(activation.session);
    return anotherRound(activation.undelivered.params, composerState);
  }
  if (!isObject(result) || typeof result["action"] !== "string") return branchEnd(result, activation);
  const state = isObject(result["state"]) ? result["state"]["$composer"] : undefined;
  if (!isObject(state)) return result;
  withoutPlaceholder(state);
  if (state["collect"] !== undefined) {
    // a round of waiting, in which no function runs
    return roundOf(result, activation, config, host);
  }
  addKey(result["params"], activation, config);
  activation.session.seq++;
  return result;
}

/** Composer's round through `echo`, or what takes its place. */
function roundOf(round: object, activation: ConductorActivation, config: HookConfig, host: HookHost): object {
  const { stage } = activation.session;
  const way = wayOf(config, host, stage);
  if (way.way === "server") return joiningStep(round, way.action, activation, config, host);
  return way.way === "waiting-action" && stage?.error === undefined ? waitingStep(round, way.action, activation, host) : round;
}

/** What composer says of a fork that failed (conductor.js `fork`), for the user of the composition, who has no log of it. */
const FORK_FAILED = /^(Parallel combinator failed to invoke a composition at AST node root\S*) \(see log for details\)$/;

function withReason(result: unknown, reason: string): unknown {
  const said = isObject(result) && typeof result["error"] === "string" ? FORK_FAILED.exec(result["error"]) : null;
  return said ? { ...(result as object), error: `${said[1]}: ${reason}` } : result;
}

function addKey(params: unknown, { session, path }: ConductorActivation, config: HookConfig): void {
  if (!isObject(params) || session.root === undefined || !config.positions.includes(path)) return;
  const k = runKey({ root: session.root, trail: session.trail, astPath: path, seq: session.seq });
  if (k !== undefined) params["$harvest"] = { k, ...(session.d === undefined ? {} : { d: session.d }) };
}

/**
 * What composer does when its wait for a join runs out, for the branch's side, where composer has nothing of the kind: the
 * result goes through `echo`, and the next activation enters the final state again and delivers it.
 */
function anotherRound(params: unknown, composerState: object): object {
  const { collect, ...rest } = composerState as Record<string, unknown>;
  const state = { ...rest, state: -1, stack: [{ marker: true }], resuming: true };
  withoutPlaceholder(state);
  return { action: ECHO, params, state: { $composer: state } };
}
