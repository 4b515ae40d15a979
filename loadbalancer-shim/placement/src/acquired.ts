/** What a placed activation holds: permits of one invoker, and the decision that led there. */
import type { Allocation } from "@openwhisk-harvest/core";
import { candidatesOf } from "./candidates.js";
import type { Permit } from "./permits.js";
import type { Candidate, Placement, PlacementReason, PlacementRequest, PlacementState } from "./policy.js";

export type Place = Extract<Placement, { kind: "place" }>;

/** The decision and, worked out when asked for, what every invoker offered at that moment. */
export interface ExplainedPlace extends Omit<Place, "permits"> {
  readonly permits: Allocation;
  readonly candidates: readonly Candidate[];
}

export interface Acquired {
  readonly invoker: number;
  readonly permits: Allocation;
  readonly placement: ExplainedPlace;
  /** Time spent in line. */
  readonly waitedMs: number;
  /** Gives the permits back, once. */
  release(): void;
}

/** Its data are its own properties: callers copy it. */
export class Holding implements Acquired {
  readonly invoker: number;
  readonly permits: Allocation;
  readonly waitedMs: number;
  readonly placement: ExplainedPlace;
  readonly #permit: Permit;
  readonly #onRelease: () => void;
  #released = false;

  constructor(permit: Permit, placement: ExplainedPlace, waitedMs: number, onRelease: () => void) {
    this.#permit = permit;
    this.invoker = placement.invoker;
    this.permits = permit.held;
    this.placement = placement;
    this.waitedMs = waitedMs;
    this.#onRelease = onRelease;
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#permit.release();
    this.#onRelease();
  }
}

export class Explained implements ExplainedPlace {
  readonly kind = "place";
  readonly invoker: number;
  readonly permits: Allocation;
  readonly why: PlacementReason;
  readonly remember: boolean;
  readonly #request: PlacementRequest;
  readonly #seen: PlacementState;

  /** `seen` must not change any more. */
  constructor({ invoker, permits, why, remember }: Place, request: PlacementRequest, seen: PlacementState) {
    this.invoker = invoker;
    this.permits = permits;
    this.why = why;
    this.remember = remember;
    this.#request = request;
    this.#seen = seen;
  }

  get candidates(): Candidate[] {
    return candidatesOf(this.#request, this.#seen);
  }
}
