/**
 * Caps: what an action's owner lets harvesting leave it and give it at most (core's bounds.ts), on the grid: a minimum counts as the
 * next allocation above, a maximum as the next below.
 */
import { type Bounds, ceilToGrid, floorToGrid, type GridAxis } from "@openwhisk-harvest/core";
import type { Resource } from "./state.js";

export interface Caps {
  readonly least: number;
  readonly most: number;
}

/** Undefined when no allocation on the grid lies within the bounds: then nothing but U is within them. */
export function capsOf(axis: GridAxis, bounds: Bounds | undefined, resource: Resource): Caps | undefined {
  const min = bounds?.min?.[resource] ?? axis.min;
  const least = ceilToGrid(axis, min);
  const most = floorToGrid(axis, bounds?.max?.[resource] ?? axis.max);
  return most === undefined || least < min || least > most ? undefined : { least, most };
}

/** A demand within the caps. */
export function capped(demand: number, { least, most }: Caps): number {
  return Math.min(Math.max(demand, least), most);
}
