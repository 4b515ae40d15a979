/**
 * Bounds that an action's owner sets to harvesting: the annotations `harvest-min` and `harvest-max`, each `{cpuCores?, memoryMb?}`.
 * A donor keeps at least the minimum, a receiver gets at most the maximum. They enclose the user allocation, so that keeping U is
 * always within bounds (H3). They need not lie on the grid: a minimum counts as the next allocation above, a maximum as the next below.
 */
import { z } from "zod";
import { annotationOf, type KeyValue, type UserAllocation } from "./allocation.js";
import { HarvestError } from "./errors.js";

export const boundSchema = z.strictObject({ cpuCores: z.number().positive().optional(), memoryMb: z.number().positive().optional() });
export type Bound = z.infer<typeof boundSchema>;

export const boundsSchema = z.object({ min: boundSchema.optional(), max: boundSchema.optional() });
export type Bounds = z.infer<typeof boundsSchema>;

export const MIN_ANNOTATION = "harvest-min";
export const MAX_ANNOTATION = "harvest-max";

/** OWH_BAD_ALLOCATION names the annotation that is malformed, or that lies on the wrong side of the user allocation. */
export function boundsOf(annotations: readonly KeyValue[] | undefined, user: UserAllocation): Bounds {
  const min = boundIn(annotations, MIN_ANNOTATION);
  const max = boundIn(annotations, MAX_ANNOTATION);
  for (const [resource, unit] of [
    ["cpuCores", "cores"],
    ["memoryMb", "MB"],
  ] as const) {
    const asked = user[resource];
    if (asked === undefined) continue;
    if ((min?.[resource] ?? asked) > asked)
      throw bad(`The minimum of ${min?.[resource]} ${unit} is above the user allocation of ${asked} ${unit}.`);
    if ((max?.[resource] ?? asked) < asked)
      throw bad(`The maximum of ${max?.[resource]} ${unit} is below the user allocation of ${asked} ${unit}.`);
  }
  return { ...(min && { min }), ...(max && { max }) };
}

function boundIn(annotations: readonly KeyValue[] | undefined, key: string): Bound | undefined {
  const value = annotationOf(annotations, key);
  if (value === undefined) return undefined;
  const parsed = boundSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw bad(`The annotation ${key} must be an object of positive numbers {cpuCores, memoryMb}, not ${JSON.stringify(value).slice(0, 80)}.`);
}

function bad(message: string): HarvestError {
  return new HarvestError("OWH_BAD_ALLOCATION", message);
}
