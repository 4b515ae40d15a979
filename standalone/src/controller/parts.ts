/** What the parts of the controller need of one another. */
import type { Clock, Config } from "@openwhisk-harvest/core";
import type { EntityName } from "../entity-name.js";
import type { ActivationMessage, ActivationRecord, Identity } from "../messages.js";
import type { ActivationStore } from "../storage/activation-store.js";
import type { StoredAction } from "../storage/entity-store.js";
import type { Forks } from "./forks.js";

/** An activation that was accepted. `record` rejects when no invoker could be found for it after all. */
export interface Invocation {
  readonly activationId: string;
  readonly record: Promise<ActivationRecord>;
  /** Settled when its wait for an invoker is over; absent when it has none. Never rejects. */
  readonly placed?: Promise<unknown>;
  /** How long an enclosing sequence or composition waits for it then; absent for those themselves, which end by their steps' limits. */
  readonly waitMs?: number;
}

/** The place of an invocation in the run of a composition. */
export interface Membership {
  /** How many forks are above it. */
  readonly level: number;
  /** Aborted when its stage has ended without it: what waits in line for it leaves. */
  readonly signal?: AbortSignal;
}

/** Runs one executable action. Rejects with OWH_NO_INVOKER when the activation is refused at once. */
export type SubmitActivation = (message: ActivationMessage, within?: Membership) => Promise<Omit<Invocation, "waitMs">>;

/** Counts over a composition and all compositions nested in it, so that the limits hold for the whole. */
export interface CompositionAccounting {
  components: number;
  /** But for those that come back from a join, which are counted as joins. */
  conductors: number;
  joins: number;
}

/** Actions that are no sequences, counted over a sequence and all sequences nested in it. */
export interface AtomicActionCount {
  value: number;
}

/** The counts of the enclosing run, for the one kind of run that shares them. */
export interface SharedCounts {
  readonly composition?: CompositionAccounting;
  readonly sequence?: AtomicActionCount;
}

/** Starts whatever an action is: a sequence, a composition or a single activation. */
export type InvokeAction = (request: InvokeRequest, shared?: SharedCounts) => Promise<Invocation>;

export interface ControllerParts {
  readonly invoke: InvokeAction;
  /** Starts one activation of an executable action, also of a conductor. */
  readonly invokePrimitive: (request: InvokeRequest) => Promise<Invocation>;
  /** Which invocations over the API are branches of running compositions. */
  readonly forks: Forks;
  /** Makes the server wait for it when it closes. */
  readonly track: (run: Promise<unknown>) => void;
  /** Hears why a step of a sequence or composition could not be run. */
  readonly onStepFailed: (error: unknown) => void;
  readonly config: Config["standalone"];
  /** A stored action or one that comes with OpenWhisk, with the parameters of its package and binding. */
  readonly findAction: (name: EntityName) => StoredAction | undefined;
  /** Whether the user may invoke the action of that name. */
  readonly mayUse: (user: Identity, name: EntityName) => boolean;
  readonly activations: ActivationStore;
  readonly clock: Clock;
  readonly newActivationId: () => string;
  readonly newTransactionId: () => string;
}

/** What is to be invoked, for whom, and on whose behalf. */
export interface InvokeRequest {
  readonly user: Identity;
  readonly action: StoredAction;
  /** An object; between the steps of sequences also an array. */
  readonly payload: unknown;
  readonly transactionId: string;
  /** When the request, or the step before it, was accepted. */
  readonly createdAtMs: number;
  /** The enclosing session or sequence; absent when topmost. */
  readonly cause?: string;
  /** A client waits for it. */
  readonly blocking?: boolean;
  /** Absent when it is no part of a composition's run. */
  readonly within?: Membership;
}
