/**
 * The grid of allocations (paper, Table 3.2) and the Utilization Normalizer (paper, 3.5.2).
 *
 * An axis is the lattice min, min + step, min + 2 step, ... up to and including max. Amounts are computed in whole steps
 * and turned into cores or MB at the very end, so that sums of allocations are exact for any step.
 */
import { HarvestError } from "./errors.js";

export interface GridAxis {
  readonly min: number;
  readonly max: number;
  readonly step: number;
}

/** CPU in cores, memory in MB (2^20 bytes). */
export interface Grid {
  readonly cpuCores: GridAxis;
  readonly memoryMb: GridAxis;
}

/** The paper's Table 3.2. */
export const PAPER_GRID: Grid = {
  cpuCores: { min: 1, max: 8, step: 1 },
  memoryMb: { min: 128, max: 8192, step: 128 },
};

/** Below this many cores the paper's grid of whole cores leaves nothing to harvest, and a quarter core is the step. */
const WHOLE_CORE_HOST_CORES = 8;

/** The default grid of a host with so many cores. */
export function gridForHost(hostCores: number): Grid {
  if (hostCores >= WHOLE_CORE_HOST_CORES) return PAPER_GRID;
  return { cpuCores: { min: 0.25, max: hostCores, step: 0.25 }, memoryMb: PAPER_GRID.memoryMb };
}

/** Absorbs the noise of binary fractions: 0.1 + 0.2 is three steps of 0.1, and not a little more. */
const STEP_TOLERANCE = 1e-6;

/** How many whole steps `amount` is above zero, when it is a whole number of them; else undefined. */
export function wholeSteps(axis: GridAxis, amount: number): number | undefined {
  const steps = Math.round(amount / axis.step);
  return Math.abs(amount / axis.step - steps) <= STEP_TOLERANCE ? steps : undefined;
}

/** Highest index k with min + k step <= max. */
export function lastIndex(axis: GridAxis): number {
  return Math.floor((axis.max - axis.min) / axis.step + STEP_TOLERANCE);
}

/** The k-th allocation of an axis, free of accumulated rounding. */
export function atIndex(axis: GridAxis, k: number): number {
  return roundAmount(axis.min + k * axis.step);
}

/** Six decimals: finer than any step, coarser than the noise of binary fractions. */
export function roundAmount(amount: number): number {
  return Math.round(amount * 1e6) / 1e6;
}

/** The smallest allocation that is at least `demand`, or the largest there is: 2.78 -> 3 cores, 234.32 -> 256 MB. */
export function ceilToGrid(axis: GridAxis, demand: number): number {
  if (!Number.isFinite(demand)) throw new HarvestError("OWH_BAD_ALLOCATION", `A demand must be a finite number, not ${demand}.`);
  const k = Math.ceil((demand - axis.min) / axis.step - STEP_TOLERANCE);
  return atIndex(axis, Math.min(Math.max(k, 0), lastIndex(axis)));
}

/** The largest allocation that is at most `amount`; undefined when even the minimum is more. */
export function floorToGrid(axis: GridAxis, amount: number): number | undefined {
  const k = Math.floor((amount - axis.min) / axis.step + STEP_TOLERANCE);
  return k < 0 ? undefined : atIndex(axis, Math.min(k, lastIndex(axis)));
}

/** Invariant H2 for one amount: on the lattice, between minimum and maximum. */
export function isOnGrid(axis: GridAxis, amount: number): boolean {
  const k = Math.round((amount - axis.min) / axis.step);
  return k >= 0 && k <= lastIndex(axis) && Math.abs(atIndex(axis, k) - amount) <= STEP_TOLERANCE * axis.step;
}

/** One line for people: `cpu 0.25..2 by 0.25 cores, memory 128..8192 by 128 MB`. */
export function describeGrid(grid: Grid): string {
  const { cpuCores: c, memoryMb: m } = grid;
  return `cpu ${c.min}..${c.max} by ${c.step} cores, memory ${m.min}..${m.max} by ${m.step} MB`;
}
