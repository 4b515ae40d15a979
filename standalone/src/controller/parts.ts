/** What the parts of the controller need of one another. */
import type { Allocation, Clock, Config } from "@openwhisk-harvest/core";
import type { EntityName } from "../entity-name.js";
import type { ActivationMessage, ActivationRecord, Identity } from "../messages.js";
import type { ActivationStore } from "../storage/activation-store.js";
import type { StoredAction } from "../storage/entity-store.js";
import type { Admission } from "./admission.js";
import type { Branch, Callers } from "./callers.js";
import type { Stages } from "./stages.js";

/** An activation that was accepted. `record` rejects when no invoker could be found for it after all. */
export interface Invocation {
  readonly activationId: string;
  readonly record: Promise<ActivationRecord>;
  /** Settled when its wait for an invoker is over; absent when it has none. Never rejects. */
  readonly placed?: Promise<unknown>;
  /**
   * How long an enclosing sequence or composition waits for it then; absent for those themselves, which end by their
   * steps' limits.
   */
  readonly waitMs?: number;
}

/** A run that was let in: what a client has invoked, and all that follows from it. */
export interface RootRun {
  /** Runs are served in the order in which they were let in. */
  readonly order: number;
  /** An activation of it has found an invoker. */
  readonly hasBegun: boolean;
  /** There was no room for its first activation; or there is, and it has begun. */
  enter(stage: "waiting" | "begun"): void;
  /** Whether it may begin with a conductor now (admission-rules.A5). */
  mayBegin(): boolean;
  /** A function of it asks for room. Call the answer, once, when it has ended. */
  ask(want: Allocation): () => void;
  /** Once. */
  end(): void;
}

/** The place of an invocation in its run. */
export interface Membership {
  readonly run: RootRun;
  /** How many forks, and calls that are waited for, are above it. */
  readonly level: number;
  /** Aborted when its stage has ended without it: what waits in line for it leaves. */
  readonly signal?: AbortSignal;
}

/** Runs one executable action. Rejects with OWH_NO_INVOKER when the activation is refused at once. */
export type SubmitActivation = (message: ActivationMessage, within: Membership) => Promise<Omit<Invocation, "waitMs">>;

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

/**
 * The counts of the enclosing composition or sequence, for the one kind that shares them; and what a branch belongs to.
 */
export interface Shared {
  readonly composition?: CompositionAccounting;
  readonly sequence?: AtomicActionCount;
  readonly branch?: Branch;
}

/** Starts whatever an action is: a sequence, a composition or a single activation. */
export type InvokeAction = (request: InvokeRequest, shared?: Shared) => Promise<Invocation>;

export interface ControllerParts {
  readonly invoke: InvokeAction;
  /** Starts one activation of an executable action, also of a conductor. */
  readonly invokePrimitive: (request: StepRequest) => Promise<Invocation>;
  readonly admission: Admission;
  /** Which invocations over the API follow from what runs. */
  readonly callers: Callers;
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

/** What is to be invoked, for which caller, and on whose behalf. */
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
  /** Absent as long as it is not known what the invocation of a client belongs to. */
  readonly within?: Membership;
  /** Of the session whose conductor is invoked: what it forks opens them. */
  readonly stages?: Stages;
}

export type StepRequest = InvokeRequest & { readonly within: Membership };
