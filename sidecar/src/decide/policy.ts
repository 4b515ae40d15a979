/**
 * A policy splits the budget of one resource of one stage: a pure function from a request to a plan. It sees only those who
 * share, and what it refuses has no amounts, so that nothing but the user allocations can follow from a refusal (H3).
 */
import type { GridAxis, ReasonCode } from "@openwhisk-harvest/core";

export interface Sharer {
  /** U; may lie off the grid and is never rounded. */
  readonly user: number;
  /** D; on the grid. */
  readonly demand: number;
  /** W in core-ms: the forest's mean, and what each tree says (as many as any other sharer has). */
  readonly workCoreMs: number;
  readonly workPerTree: Float64Array;
}

export interface SplitRequest {
  readonly axis: GridAxis;
  /** B: the sum of the sharers' U. */
  readonly budget: number;
  /** In branch order, at least two. */
  readonly sharers: readonly Sharer[];
}

export type Plan =
  | { readonly accepted: true; readonly reason: ReasonCode; readonly amounts: readonly number[] }
  | { readonly accepted: false; readonly reason: ReasonCode };

export type Policy = (request: SplitRequest) => Plan;

/** Amounts have six decimals (core's roundAmount); what is smaller is the noise of binary fractions. */
const AMOUNT_TOLERANCE = 1e-6;

export function givesEverybodyU(sharers: readonly Sharer[], amounts: readonly number[]): boolean {
  return sharers.every(({ user }, i) => Math.abs(user - (amounts[i] as number)) < AMOUNT_TOLERANCE);
}
