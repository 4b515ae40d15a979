/** What was seen of one function run: the last log line of its activation, `harvest:obs:<activationId>`, and a profile document. */
import { z } from "zod";
import { parseJson } from "./json.js";
import { modeSchema } from "./mode.js";

/** How limits are enforced on a node. `affinity` and `none` claim no gain. */
export const ENFORCEMENTS = ["cgroup-v2", "cgroup-v1", "affinity", "none"] as const;
export const enforcementSchema = z.enum(ENFORCEMENTS);
export type Enforcement = z.infer<typeof enforcementSchema>;

export const observationSchema = z.object({
  v: z.literal(1),
  activationId: z.string(),
  /** The run key; absent when the function did not run inside a composition of ours. */
  k: z.string().optional(),
  mode: modeSchema,
  decision: z.string().optional(),
  enforcement: enforcementSchema,
  /** The limits in force during the run. */
  allocated: z.object({ cpuCores: z.number().optional(), memoryMb: z.number() }),
  /** How the CPU limit moved while the run was under way; absent when it did not, and `allocated` held throughout. */
  moved: z
    .object({
      times: z.int().positive(),
      /** Weighted by the time that each limit was in force. */
      meanCpuCores: z.number().nonnegative(),
      lastCpuCores: z.number().nonnegative(),
      /** The node gave the user allocation back because the run needed it, without being told to. */
      givenBack: z.boolean(),
    })
    .optional(),
  user: z.object({ cpuCores: z.number().optional(), memoryMb: z.number() }),
  cold: z.boolean(),
  /** /run only; initialization is not part of it. */
  durationMs: z.number().nonnegative(),
  cpuTimeMs: z.number().nonnegative(),
  cpuMeanCores: z.number().nonnegative(),
  /** Over windows of at least one CFS period (100 ms), or over the whole run when it was shorter. */
  cpuPeakCores: z.number().nonnegative(),
  /** Absent where the platform does not count it. */
  throttledMs: z.number().nonnegative().optional(),
  /** Peak of the working set: usage without inactive page cache. */
  memoryPeakMb: z.number().nonnegative(),
  /** How many samples the peaks rest on. */
  samples: z.int().nonnegative(),
  outcome: z.enum(["success", "application error", "action developer error", "whisk internal error"]),
});
export type Observation = z.infer<typeof observationSchema>;

/** Marks our line among a function's own log lines. */
export const OBSERVATION_MARK = "XHARVEST ";

export function formatObservationLine(observation: Observation): string {
  return OBSERVATION_MARK + JSON.stringify(observation);
}

/** Finds our line in an activation's logs, believing it only if it speaks of that very activation. */
export function observationInLogs(logs: readonly string[], activationId: string): Observation | undefined {
  for (const line of logs.toReversed()) {
    const at = line.indexOf(OBSERVATION_MARK);
    if (at < 0) continue;
    const parsed = observationSchema.safeParse(parseJson(line.slice(at + OBSERVATION_MARK.length))); // a user's line may bear our mark
    if (parsed.success && parsed.data.activationId === activationId) return parsed.data;
  }
  return undefined;
}

/** One document of `harvest_profiles` (paper, Figure 3.4): one function run of one composition run. */
export const profileSchema = z.object({
  v: z.literal(1),
  namespace: z.string(),
  dag: z.string(),
  dagVersion: z.string(),
  root: z.string(),
  /** Ordinal of the function in the DAG. */
  functionIndex: z.int().nonnegative(),
  stage: z.int().nonnegative(),
  dagInputBytes: z.number().nonnegative(),
  functionInputBytes: z.number().nonnegative(),
  grid: z.unknown(),
  startMs: z.number(),
  endMs: z.number(),
  observation: observationSchema,
  /** Why the composition run that this belongs to failed; this function itself may have ended well (see its outcome). */
  runFailed: z.string().optional(),
});
export type Profile = z.infer<typeof profileSchema>;
