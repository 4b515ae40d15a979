/**
 * Which invocations over the API are branches: composer's conductors fork by invoking their own action again. An invocation is a
 * branch of the session whose conductor is running at that moment, if it shows the transaction id of that conductor's activation: the
 * server has drawn it, and nothing but the code of that activation knows it. What a request's parameters say is believed only then.
 */
import { type BranchOf, branchErrorText, branchResultOf, readBranchOf } from "@openwhisk-harvest/core";
import { WhiskRejection } from "../whisk-rejection.js";
import { tooManyBranches } from "../whisk-texts.js";
import { isObject } from "./json.js";
import type { InvokeRequest, Membership } from "./parts.js";
import type { ActivationResponse } from "./records.js";
import type { BranchEnd, Stages } from "./stages.js";

/** As many as the sidecar decides on; a fork of more is refused, for what is let in is never refused for load. */
export const MAX_BRANCHES = 1_000;

/** A session while its conductor runs. */
export interface Forking {
  readonly request: InvokeRequest;
  readonly within: Membership;
  readonly stages: Stages;
}

/** What a session needs to know of being a branch. */
export interface Branch {
  readonly within: Membership;
  /** Absent for a branch that nothing joins (composer's `async`), and whose end nothing waits for. */
  readonly end?: (response: ActivationResponse, activationId: string) => void;
}

interface Running extends Forking {
  branches: number;
}

export class Forks {
  readonly #running = new Map<string, Running>();

  /** A conductor's activation runs, until the returned function is called. */
  enter(transactionId: string, forking: Forking): () => void {
    const key = keyOf(forking.request.user.namespace, transactionId);
    this.#running.set(key, { ...forking, branches: 0 });
    return () => this.#running.delete(key);
  }

  /** Undefined for an invocation that is no branch. 400 when it is one too many. */
  branchOf({ user, transactionId, action, payload }: InvokeRequest): Branch | undefined {
    const parent = this.#running.get(keyOf(user.namespace, transactionId));
    if (!parent || parent.request.action.name !== action.name || parent.request.action.namespace !== action.namespace) return undefined;
    if (++parent.branches > MAX_BRANCHES) throw new WhiskRejection(400, tooManyBranches(MAX_BRANCHES));
    const level = parent.within.level + 1;
    const state = isObject(payload) ? payload["$composer"] : undefined;
    const join = isObject(state) ? readBranchOf(state["join"]) : undefined;
    const seat = join && isPosition(join.position) ? parent.stages.enter(join) : undefined;
    if (!seat || !join) return { within: { level } };
    const end = (response: ActivationResponse, activationId: string) => seat.end(branchEndOf(response, activationId, join));
    return { within: { level, signal: seat.signal }, end };
  }
}

function branchEndOf({ statusCode, result }: ActivationResponse, activationId: string, join: BranchOf): BranchEnd {
  const left = statusCode === 0 ? branchResultOf(result, join) : undefined;
  return left ?? { error: branchErrorText(result), activationId };
}

function isPosition(position: number): boolean {
  return Number.isInteger(position) && position >= 0 && position < MAX_BRANCHES;
}

function keyOf(namespace: string, transactionId: string): string {
  return `${namespace}/${transactionId}`;
}
