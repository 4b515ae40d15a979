import { ceilToGrid, type GridAxis } from "@openwhisk-harvest/core";

/**
 * The paper's accuracy (4.1.2): P + |P - A| < A(P), where A(P) is the smallest allocation of at least P. The inequality is
 * strict, so a prediction that lies exactly on an allocation counts as inaccurate even when it is exact, and so does every
 * prediction above the grid's maximum.
 */
export function isAccurate(axis: GridAxis, predicted: number, actual: number): boolean {
  return predicted + Math.abs(predicted - actual) < ceilToGrid(axis, predicted);
}

/** A prediction, and what it is held against. */
export interface Held {
  readonly predicted: number;
  readonly actual: number;
}

export interface GridShares {
  /** Share of accurate predictions (paper, 4.1.2), 0..1. */
  readonly accuracy: number;
  /** Share of runs whose actual amount is at most the allocation that the prediction gives them, 0..1. */
  readonly withinAllocation: number;
}

/** Of at least one prediction. */
export function gridSharesOf(axis: GridAxis, held: readonly Held[]): GridShares {
  const share = (holds: (one: Held) => boolean) => held.filter(holds).length / held.length;
  return {
    accuracy: share(({ predicted, actual }) => isAccurate(axis, predicted, actual)),
    withinAllocation: share(({ predicted, actual }) => actual <= ceilToGrid(axis, predicted)),
  };
}
