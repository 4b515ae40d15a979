/**
 * Which invocations over the API follow from what runs already. An activation shows its transaction id when it invokes another one
 * (openwhisk-protocol, 3.1). Three kinds are told apart:
 *
 *   a branch   composer's conductors fork by invoking their own action again: it belongs to the run, and its session to a stage
 *   a call     an activation waits for it: it is served as a part of the run, for what waits for it holds a container meanwhile
 *   a new run  all the rest
 *
 * The transaction ids of a composition's steps are drawn by the server, so nothing but the code of that activation knows one. What a
 * request's parameters say of being a branch is believed only with it. The id of a client's own invocation may be the client's choice, so
 * a call may be forged, which changes the order of service within its namespace, and nothing else.
 */
import { type BranchOf, branchErrorText, branchResultOf, readBranchOf } from "@openwhisk-harvest/core";
import { WhiskRejection } from "../whisk-rejection.js";
import { tooManyBranches } from "../whisk-texts.js";
import { isObject } from "./json.js";
import type { InvokeRequest, Membership } from "./parts.js";
import type { ActivationResponse } from "./records.js";
import type { BranchEnd, BranchSeat } from "./stages.js";

/** As many as the sidecar decides on; a fork of more is refused, for what is let in is never refused for load. */
export const MAX_BRANCHES = 1_000;

/** What a session needs to know of being a branch. */
export interface Branch {
  readonly within: Membership;
  /** Absent for a branch that nothing joins (composer's `async`), and whose end nothing waits for. */
  readonly end?: (response: ActivationResponse, activationId: string) => void;
}

interface Caller {
  readonly request: InvokeRequest;
  readonly within: Membership;
  branches: number;
}

export class Callers {
  readonly #running = new Map<string, Caller>();

  /** Such an activation runs, until the returned function is called. */
  enter(request: InvokeRequest, within: Membership): () => void {
    const key = keyOf(request);
    const caller: Caller = { request, within, branches: 0 };
    this.#running.set(key, caller);
    return () => {
      if (this.#running.get(key) === caller) this.#running.delete(key);
    };
  }

  /** Whether the invocation may follow from what runs. */
  isKnown(request: Pick<InvokeRequest, "user" | "transactionId">): boolean {
    return this.#running.has(keyOf(request));
  }

  /** Whether an invocation of that action would be a branch: it can be told before the request's body is read. */
  isForked({ user, transactionId }: Pick<InvokeRequest, "user" | "transactionId">, action: { namespace: string; name: string }): boolean {
    return this.#forking({ user, transactionId, action }) !== undefined;
  }

  /** Undefined for an invocation that is no branch. 400 when it is one too many. */
  branchOf({ user, transactionId, action, payload }: InvokeRequest): Branch | undefined {
    const parent = this.#forking({ user, transactionId, action });
    if (!parent) return undefined;
    if (++parent.branches > MAX_BRANCHES) throw new WhiskRejection(400, tooManyBranches(MAX_BRANCHES));
    const { run, level } = parent.within;
    const within = { run, level: level + 1 };
    const state = isObject(payload) ? payload["$composer"] : undefined;
    const join = isObject(state) ? readBranchOf(state["join"]) : undefined;
    const seat = join && isPosition(join.position) ? parent.request.stages?.enter(join) : undefined;
    return seat && join ? { within: { ...within, signal: seat.signal }, end: endOf(seat, join) } : { within };
  }

  /** The membership of a call; undefined for an invocation that is none. */
  callOf(request: InvokeRequest): Membership | undefined {
    const parent = request.blocking ? this.#running.get(keyOf(request)) : undefined;
    return parent && { run: parent.within.run, level: parent.within.level + 1 };
  }

  #forking({ user, transactionId, action }: Forked): Caller | undefined {
    const parent = this.#running.get(keyOf({ user, transactionId }));
    const own = parent?.request.action;
    return parent?.request.stages && own?.name === action.name && own.namespace === action.namespace ? parent : undefined;
  }
}

interface Forked extends Pick<InvokeRequest, "user" | "transactionId"> {
  readonly action: { readonly namespace: string; readonly name: string };
}

function endOf(seat: BranchSeat, join: BranchOf): NonNullable<Branch["end"]> {
  return (response, activationId) => seat.end(branchEndOf(response, activationId, join));
}

function branchEndOf({ statusCode, result }: ActivationResponse, activationId: string, join: BranchOf): BranchEnd {
  const left = statusCode === 0 ? branchResultOf(result, join) : undefined;
  return left ?? { error: branchErrorText(result), activationId };
}

function isPosition(position: number): boolean {
  return Number.isInteger(position) && position >= 0 && position < MAX_BRANCHES;
}

function keyOf({ user, transactionId }: Pick<InvokeRequest, "user" | "transactionId">): string {
  return `${user.namespace}/${transactionId}`;
}
