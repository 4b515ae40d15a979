/**
 * A policy splits the budget of one resource of one stage: a pure function from a request to a split. It sees only the
 * branches that share, and what it refuses has no amounts, so that nothing but the user allocations can follow from a
 * refusal (H3).
 */
import type { GridAxis, ReasonCode } from "@openwhisk-harvest/core";

export interface Sharer {
  /** U; may lie off the grid and is never rounded. */
  readonly user: number;
  /** D; on the grid. */
  readonly demand: number;
  /** The least that it may be left with, on the grid; the axis' minimum when absent. */
  readonly least?: number;
  /** W in core-ms: the forest's mean, and what each tree says (as many as any other sharer has). */
  readonly workCoreMs: number;
  readonly workPerTree: Float64Array;
  /** A sequence: its functions, one after another, instead of the work above; all have the same allocation. */
  readonly parts?: readonly WorkPart[];
}

/** The work of one function. */
export type WorkPart = Pick<Sharer, "user" | "demand" | "workCoreMs" | "workPerTree">;

export interface SplitRequest {
  readonly axis: GridAxis;
  /** B: the sum of the sharers' U. */
  readonly budget: number;
  /** The gain that a split must promise, as a share of the stage's time with U; 0 when absent. */
  readonly leastGainShare?: number;
  /** In branch order, at least two. */
  readonly sharers: readonly Sharer[];
}

/** Undefined: U, exactly, which need not lie on the grid. */
export type Amount = number | undefined;

export type Split =
  | { readonly accepted: true; readonly reason: ReasonCode; readonly amounts: readonly Amount[] }
  | { readonly accepted: false; readonly reason: ReasonCode };

export type Policy = (request: SplitRequest) => Split;

/** The functions of its branch, in their order. */
export function partsOf(sharer: Sharer): readonly WorkPart[] {
  return sharer.parts ?? [sharer];
}

/** Amounts have six decimals (core's roundAmount); what is smaller is the noise of binary fractions. */
const AMOUNT_TOLERANCE = 1e-6;

export function givesAllU(sharers: readonly Sharer[], amounts: readonly Amount[]): boolean {
  return sharers.every(({ user }, i) => Math.abs(user - (amounts[i] ?? user)) < AMOUNT_TOLERANCE);
}
