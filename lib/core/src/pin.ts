/**
 * A pin: what is used for one DAG instead of its newest model and the configured policy, from `harvest rollback` until it is taken
 * away. It only points; every model stays stored, and models trained later wait until the pin is gone.
 */
import { z } from "zod";
import { POLICIES } from "./decision.js";
import { HarvestError } from "./errors.js";

export const dagPinSchema = z.object({
  v: z.literal(1),
  /** Version of the model in use; the newest when absent. */
  model: z.string().optional(),
  /** The policy in use; the configured one when absent. */
  policy: z.enum(POLICIES).optional(),
  sinceMs: z.number(),
  /** For people. */
  reason: z.string().max(500).optional(),
});
export type DagPin = z.infer<typeof dagPinSchema>;

/**
 * The version to go back to: the one asked for, or the one before the version in use. `versions` are all that are stored, in any
 * order. OWH_NOT_FOUND when there is no such version.
 */
export function versionToPin(versions: readonly string[], inUse: string | undefined, asked?: string): string {
  if (asked !== undefined) {
    if (versions.includes(asked)) return asked;
    throw new HarvestError("OWH_NOT_FOUND", `There is no model ${asked}; stored are ${versions.join(", ") || "none"}.`);
  }
  const older = versions.map(Number).filter((version) => version < Number(inUse ?? Number.NaN));
  if (older.length > 0) return String(Math.max(...older));
  throw new HarvestError("OWH_NOT_FOUND", inUse === undefined ? "No model has been trained yet." : `There is no model before ${inUse}.`);
}
