/** What the REST handlers need, and what a request carries once it has been authenticated. */
import type { Clock, Config } from "@openwhisk-harvest/core";
import type { FastifyRequest } from "fastify";
import type { Draining } from "../controller/draining.js";
import type { ControllerParts } from "../controller/parts.js";
import type { Throttle } from "../controller/throttle.js";
import type { EntityLimits } from "../entity-limits.js";
import type { Identity } from "../messages.js";
import type { Runtimes } from "../runtimes.js";
import type { ActivationStore } from "../storage/activation-store.js";
import type { EntityStore } from "../storage/entity-store.js";
import type { Identities } from "../storage/identities.js";
import { WhiskRejection } from "../whisk-rejection.js";
import { TEXTS } from "../whisk-texts.js";

export interface RestContext {
  readonly config: Config["standalone"];
  readonly identities: Identities;
  readonly entities: EntityStore;
  readonly activations: ActivationStore;
  readonly controller: ControllerParts;
  readonly throttle: Throttle;
  readonly limits: EntityLimits;
  readonly runtimes: Runtimes;
  readonly draining: Draining;
  readonly clock: Clock;
  /** Why nothing can be changed now; undefined when it can. */
  readonly failing: () => string | undefined;
  /** The invokers and whether they are healthy. */
  readonly invokers: () => Promise<readonly { readonly id: number; readonly healthy: boolean }[]>;
}

/** Whose key asks, in which namespace. */
export interface Caller {
  readonly user: Identity;
  readonly namespace: string;
}

const CALLERS = new WeakMap<object, Caller>();

export function setCaller(request: FastifyRequest, caller: Caller): void {
  CALLERS.set(request, caller);
}

/** Of a request that went through authentication. */
export function callerOf(request: FastifyRequest): Caller {
  const caller = CALLERS.get(request);
  if (!caller) throw new WhiskRejection(401, TEXTS.noCredentials);
  return caller;
}

/** The segments after `/actions/`; an empty last one stands for a trailing slash. */
export function pathSegments(request: FastifyRequest): string[] {
  return String((request.params as { "*"?: string })["*"] ?? "").split("/");
}
