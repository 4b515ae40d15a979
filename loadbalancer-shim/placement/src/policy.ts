/**
 * What a placement policy is: a pure function from one request and an immutable view of the invokers to a placement.
 * The live system, the simulator and the tests call the same function; keeping permits, queues and the composition
 * cache up to date is the placer's work.
 */
import type { Allocation } from "@openwhisk-harvest/core";
import type { ConductorShare } from "./conductor-room.js";

/** The run that an activation belongs to. */
export interface RunPlace {
  /** Runs are served in the order in which they were let in. */
  readonly order: number;
  /** How many forks are above the activation. */
  readonly level: number;
  /** Nothing of the run has been placed yet. */
  readonly isNew: boolean;
  /** Of a new run: whether it is to wait though there is room. Whatever changes the answer to false wakes the placer. */
  readonly isHeldBack?: () => boolean;
  /** Of a new run whose conductors hold their memory while they wait: how many forks are nested below it. */
  readonly depth?: number;
}

/** One activation that wants an invoker. */
export interface PlacementRequest {
  readonly activationId: string;
  /** The session of the composition or the id of the sequence that the activation belongs to. */
  readonly cause?: string;
  /** The invoking namespace: waiting activations queue fairly between namespaces, and OpenWhisk's hash placement hashes it. */
  readonly namespace?: string;
  /** Without one it is served in the order of its arrival, and is of no level. */
  readonly run?: RunPlace;
  /** Fully qualified name without version, as `guest/pkg/hello`; hashed by OpenWhisk's hash placement. */
  readonly action?: string;
  /** No other invoker will do: the activation runs on what another one there has lent it. */
  readonly only?: number;
  readonly want: Allocation;
  /** The fewest permits that are acceptable, at most `want` in both resources; equal to `want` for a donor. */
  readonly atLeast: Allocation;
  /** Conductors hold memory but no CPU, and only out of their share of the memory. */
  readonly conductor: boolean;
}

/** What a kind of activation (conductors, components) finds at an invoker. */
export interface Room {
  readonly free: Allocation;
  /** The most that one activation could ever get here. */
  readonly capacity: Allocation;
}

/** One invoker as a policy sees it; immutable. */
export interface InvokerView extends Room {
  readonly id: number;
  readonly healthy: boolean;
  /** Activations placed here that have not ended, and those that wait in this invoker's own queue. */
  readonly inFlight: number;
  /** The same for conductors, which have a share of the memory only; what one of them finds of it is conductor-room's. */
  readonly forConductors: Room & Pick<ConductorShare, "held" | "leavesRoom">;
}

/** Answers whether a warm, idle container for the request waits at an invoker. */
export type WarmthProbe = (invoker: number) => boolean;

export interface PlacementState {
  /** In ascending order of their ids. */
  readonly invokers: readonly InvokerView[];
  /** The invoker that the composition cache has for the request's `cause`. */
  readonly cached?: InvokerView;
  /** The id that round robin chose last. */
  readonly previousTurn?: number;
  readonly isWarm: WarmthProbe;
  /** Steps of the grid; permits below `want` are a whole number of them. */
  readonly step: Allocation;
}

/**
 * cached: the composition's invoker. overflow: it had no room, this activation went to the shortest queue and the cache stays.
 * next-in-turn: round robin. home, stepped, overloaded: hash placement found room at its first choice, further on, or nowhere.
 */
export type PlacementReason = "cached" | "shortest-queue" | "overflow" | "next-in-turn" | "home" | "stepped" | "overloaded";
export type RefusalReason = "no-healthy-invoker" | "larger-than-every-invoker" | "nested-too-deep";

interface Chosen {
  readonly invoker: number;
  readonly why: PlacementReason;
  /** The composition cache is to hold this invoker for the request's `cause`. */
  readonly remember: boolean;
}

export type Placement =
  /** Start here at once. */
  | (Chosen & { readonly kind: "place"; readonly permits: Allocation })
  /** Assigned to this invoker though it has no room: wait in its own queue. */
  | (Chosen & { readonly kind: "queue" })
  /** Wait in the common line for the first invoker that gets room. */
  | { readonly kind: "wait" }
  | { readonly kind: "refuse"; readonly reason: RefusalReason };

export interface PlacementPolicy {
  readonly name: string;
  place(request: PlacementRequest, state: PlacementState): Placement;
}

/** A line of the explanation: an invoker that was looked at, and what it offered. */
export interface Candidate {
  readonly invoker: number;
  readonly queueLength: number;
  readonly healthy: boolean;
  readonly warm: boolean;
  /** Absent when the invoker is not healthy or has no room. */
  readonly permits?: Allocation;
}
