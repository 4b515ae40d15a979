/**
 * What controller and invokers of the embedded OpenWhisk tell each other. Field names are those of OpenWhisk's bus and
 * documents (openwhisk-protocol, 1.2, 1.4 and 7); in process there is no Kafka between them.
 */
import type { Allocation, Enforcement, HarvestParam, KeyValue, Mode, PublishedAllocation, UserAllocation } from "@openwhisk-harvest/core";

export interface Parameter extends KeyValue {
  /** Handed to /init as environment instead of to /run. */
  readonly init?: boolean;
}

export interface ActionLimits {
  /** ms */
  readonly timeout: number;
  /** MB; above 8192 it also encodes CPU */
  readonly memory: number;
  /** MB */
  readonly logs: number;
  readonly concurrency: number;
}

export interface CodeExec {
  readonly kind: string;
  /** What runs it, when the action names its own: kind `blackbox`. */
  readonly image?: string;
  /** Source text, or base64 of a zip when `binary`; empty when an image needs none. */
  readonly code: string;
  readonly binary: boolean;
  readonly main?: string;
}

export interface SequenceExec {
  readonly kind: "sequence";
  /** `/namespace/[package/]action` */
  readonly components: readonly string[];
}

/** A stored action (openwhisk-protocol, 7). */
export interface ActionDocument {
  readonly namespace: string;
  /** `[package/]name` */
  readonly name: string;
  readonly version: string;
  readonly publish: boolean;
  readonly annotations: readonly KeyValue[];
  readonly parameters: readonly Parameter[];
  readonly limits: ActionLimits;
  readonly exec: CodeExec | SequenceExec;
  /** ms since the epoch */
  readonly updated: number;
  /** `namespace/package` of the binding through which it was named; only in messages, never stored. */
  readonly binding?: string;
}

/** An executable action, as an invoker gets it. `rev` changes with every update, and warm containers belong to one revision. */
export interface ExecutableAction extends ActionDocument {
  readonly exec: CodeExec;
  readonly rev: string;
}

export interface Identity {
  readonly subject: string;
  readonly namespace: string;
  /** `uuid:key`. Never logged. */
  readonly authkey: string;
}

export interface ActivationMessage {
  readonly activationId: string;
  readonly action: ExecutableAction;
  readonly user: Identity;
  /** Merged parameters: package < action < payload. May be an array. */
  readonly content: unknown;
  readonly transactionId: string;
  /** When the request, or the step before it, was accepted; waitTime counts from here. */
  readonly createdAtMs: number;
  /** The session of the composition or the id of the sequence it belongs to. */
  readonly cause?: string;
  /** A client waits for it. */
  readonly blocking?: boolean;
}

/**
 * The limits that a run gets on its node. For a run outside of our compositions, and whenever anything is missing, late, rejected,
 * unstamped or unreadable, they are the user allocation, exactly (H3).
 */
export interface ActivationTerms extends Allocation {
  readonly mode: Mode;
  readonly user: UserAllocation;
  readonly harvest?: HarvestParam;
  readonly decision?: string;
  /** The believed allocation behind the terms; plans of the same decision may move it while the run is under way. */
  readonly allocation?: PublishedAllocation;
  /** Conductors hold memory but no CPU, and run under a small limit of their own (`standalone.conductorCpuCores`). */
  readonly conductor: boolean;
}

export type ActivationStatus = "success" | "application error" | "action developer error" | "whisk internal error";
export const STATUS_CODES: readonly ActivationStatus[] = ["success", "application error", "action developer error", "whisk internal error"];

/** A stored activation (openwhisk-protocol, 1.4 and 7). */
export interface ActivationRecord {
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly subject: string;
  readonly activationId: string;
  readonly cause?: string;
  readonly start: number;
  readonly end: number;
  readonly duration: number;
  readonly response: { readonly statusCode: 0 | 1 | 2 | 3; readonly result?: unknown; readonly size?: number };
  readonly logs: readonly string[];
  /** Lines before those of `logs`, when they are too many to be handled at once. */
  readonly longLogs?: LongLogs;
  readonly annotations: readonly KeyValue[];
  readonly publish: boolean;
}

/** Log lines in UTF-8, each ended by a line feed, in pieces of at most some 256 KB that end with a line. */
export interface LongLogs {
  readonly bytes: number;
  pieces(): Iterable<Uint8Array>;
}

export { LENT_CPU_CORES } from "@openwhisk-harvest/applier";

/** What an invoker has to give, and to whom it is given. */
export interface Invoker {
  readonly id: number;
  readonly capacity: Allocation;
  readonly enforcement: Enforcement;
  /** Resolves when the activation has ended, whatever its end; never rejects for what user code does. */
  run(message: ActivationMessage, terms: ActivationTerms): Promise<ActivationRecord>;
  /** Leaves a run that waits for another one next to no CPU (LENT_CPU_CORES), until the returned function is called. */
  lend(activationId: string): () => void;
  /** True when a warm, idle container of this very revision waits here. */
  hasWarmContainer(message: ActivationMessage): boolean;
  close(): Promise<void>;
}

/** Works out what a message may have, before it is placed. Takes `$harvest` out of the content. */
export type ResolveTerms = (
  message: ActivationMessage,
) => Promise<{ readonly message: ActivationMessage; readonly terms: ActivationTerms }>;
