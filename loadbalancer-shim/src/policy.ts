/**
 * What a placement policy is: a pure function from one request and an immutable view of the invokers to a placement.
 * The live system, the simulator and the tests call the same function; keeping permits, queues and the composition
 * cache up to date is the balancer's work.
 */
import type { Allocation } from "@openwhisk-harvest/core";

/** One activation that wants an invoker. */
export interface PlacementRequest {
  readonly activationId: string;
  /** The session of the composition or the id of the sequence that the activation belongs to. */
  readonly cause?: string;
  readonly want: Allocation;
  /** The smallest grant that is acceptable, at most `want` in both resources; equal to `want` for a donor. */
  readonly atLeast: Allocation;
  /** Conductors hold memory but no CPU, and only out of their share of the memory. */
  readonly conductor: boolean;
}

/** One invoker as a policy sees it. */
export interface InvokerView {
  readonly id: number;
  readonly healthy: boolean;
  /** Activations placed here that have not ended. */
  readonly inFlight: number;
  /** What this request may take of what is free; for a conductor the memory is bounded by the conductors' share. */
  readonly free: Allocation;
  /** The most this request could ever get here. */
  readonly capacity: Allocation;
  /** A warm, idle container of the very action waits here. */
  readonly warm: boolean;
}

export interface PlacementState {
  readonly invokers: readonly InvokerView[];
  /** The invoker that the composition cache has for the request's `cause`. */
  readonly cachedInvoker?: number;
  /** Steps of the grid; a grant below `want` is a whole number of them. */
  readonly step: Allocation;
}

/** A line of the explanation: an invoker that was looked at, and what it offered. */
export interface Candidate {
  readonly invoker: number;
  readonly queueLength: number;
  readonly warm: boolean;
  /** Absent when the invoker is not healthy or has no room. */
  readonly grant?: Allocation;
}

/** `overflow`: the cached invoker had no room, this activation went to the shortest queue and the cache stays. */
export type PlacementReason = "cached" | "shortest-queue" | "overflow";
export type RefusalReason = "no-healthy-invoker" | "larger-than-every-invoker";

export type Placement =
  | {
      readonly kind: "place";
      readonly invoker: number;
      readonly grant: Allocation;
      readonly why: PlacementReason;
      /** The composition cache is to hold this invoker for the request's `cause`. */
      readonly remember: boolean;
      readonly candidates: readonly Candidate[];
    }
  | { readonly kind: "wait"; readonly candidates: readonly Candidate[] }
  | { readonly kind: "refuse"; readonly reason: RefusalReason; readonly candidates: readonly Candidate[] };

export interface PlacementPolicy {
  readonly name: string;
  place(request: PlacementRequest, state: PlacementState): Placement;
}
