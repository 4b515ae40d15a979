/** Why a function keeps its user allocation and leaves the budget of its stage. The sidecar decides so (its decide/sharing.ts). Codes are stable. */
import { z } from "zod";

export const EXCLUSIONS = [
  /** Its action's annotation `harvest` opts out, or only lets it be observed. */
  "action-off",
  "action-paused",
  "not-opted-in",
  "concurrency-above-one",
  /** Leaves the budget of CPU alone. */
  "no-user-cpu",
  "sequence-action",
  "called-composition",
  "action-unknown",
  /** What its branch runs, or how often, shows only when it runs. */
  "branch-varies",
  "nested-fork",
  /** Another function of its branch takes no part, and a branch shares as a whole or not at all. */
  "branch-not-whole",
  /** In decisions of before "branch-varies"; such a branch could be a sequence as well. */
  "branch-not-single-action",
  /** In decisions of before a map was decided at its fork. */
  "map-unsupported",
] as const;
export const exclusionSchema = z.enum(EXCLUSIONS);
export type Exclusion = z.infer<typeof exclusionSchema>;
