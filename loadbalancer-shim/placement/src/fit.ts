/**
 * How much of what is free a request gets: `want` when it fits, else what is free in whole steps, but never below
 * `atLeast`.
 */
import { type Allocation, roundAmount } from "@openwhisk-harvest/core";

/** Absorbs the noise of binary fractions: 0.3 holds three steps of 0.1. */
const STEP_TOLERANCE = 1e-6;

/** The largest whole number of steps that is at most `amount`. */
export function floorToStep(amount: number, step: number): number {
  return roundAmount(Math.floor(amount / step + STEP_TOLERANCE) * step);
}

function fitAmount(want: number, atLeast: number, free: number, step: number): number | undefined {
  if (want <= free) return want;
  if (atLeast > free) return undefined;
  return Math.max(atLeast, floorToStep(free, step));
}

/**
 * The permits, with atLeast <= permits <= want and permits <= free in both resources; undefined when there are none.
 */
export function fitPermits(
  request: { readonly want: Allocation; readonly atLeast: Allocation },
  free: Allocation,
  step: Allocation,
): Allocation | undefined {
  const cpuCores = fitAmount(request.want.cpuCores, request.atLeast.cpuCores, free.cpuCores, step.cpuCores);
  const memoryMb = fitAmount(request.want.memoryMb, request.atLeast.memoryMb, free.memoryMb, step.memoryMb);
  return cpuCores === undefined || memoryMb === undefined ? undefined : { cpuCores, memoryMb };
}
