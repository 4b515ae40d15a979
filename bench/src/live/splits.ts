/** Every split of a stage's budget on the grid, for the oracle. Pure. */
import { atIndex, type GridAxis, roundAmount } from "@openwhisk-harvest/core";

/** All ways to give the whole budget, in steps of the grid, to so many branches, none below the minimum. */
export function splitsOf(axis: GridAxis, budget: number, branches: number): number[][] {
  const steps = Math.floor(roundAmount((budget - axis.min * branches) / axis.step));
  return steps < 0 ? [] : compositionsOf(steps, branches).map((parts) => parts.map((part) => atIndex(axis, part)));
}

function compositionsOf(total: number, parts: number): number[][] {
  if (parts === 1) return [[total]];
  return Array.from({ length: total + 1 }, (_, first) => compositionsOf(total - first, parts - 1).map((rest) => [first, ...rest])).flat();
}
