import { ceilToGrid, type GridAxis } from "@openwhisk-harvest/core";

/**
 * The paper's accuracy (4.1.2): P + |P - A| < A(P), where A(P) is the smallest allocation of at least P. The inequality is
 * strict, so a prediction that lies exactly on an allocation counts as inaccurate even when it is exact, and so does every
 * prediction above the grid's maximum.
 */
export function isAccurate(axis: GridAxis, predicted: number, actual: number): boolean {
  return predicted + Math.abs(predicted - actual) < ceilToGrid(axis, predicted);
}
