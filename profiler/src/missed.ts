/** Why a prediction is not accurate by the paper's definition (4.1.2): most of what is missed has nothing to do with the models. */
import { ceilToGrid, type GridAxis } from "@openwhisk-harvest/core";
import { isAccurate } from "./accuracy.js";

/** Codes are stable. */
export const MISSES = ["at-grid-edge", "right-allocation", "too-little", "too-much"] as const;
export type Miss = (typeof MISSES)[number];

export const MISS_WORDS: Readonly<Record<Miss, string>> = {
  "at-grid-edge": "used exactly an allocation, or more than the largest: no prediction is accurate",
  "right-allocation": "would get the smallest allocation that suffices, but the error reaches its edge",
  "too-little": "would get less than was used",
  "too-much": "would get more than the smallest allocation that suffices",
};

/** Undefined when the prediction is accurate. */
export function missOf(axis: GridAxis, predicted: number, actual: number): Miss | undefined {
  if (isAccurate(axis, predicted, actual)) return undefined;
  if (!isAccurate(axis, actual, actual)) return "at-grid-edge";
  const [given, enough] = [ceilToGrid(axis, predicted), ceilToGrid(axis, actual)];
  return given === enough ? "right-allocation" : given < enough ? "too-little" : "too-much";
}
