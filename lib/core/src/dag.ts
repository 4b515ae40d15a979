/**
 * The DAG description (paper, Figure 3.4; architecture, 4.1): what composer-plugin derives from a composition when it is
 * deployed, and all that profiler and sidecar ever learn of a workflow. It holds no code and no data.
 */
import { z } from "zod";
import { boundsSchema } from "./bounds.js";
import { isAstPath } from "./run-key.js";

const astPath = z.string().refine(isAstPath, "not an AST path of composer");

export const userAllocationSchema = z.object({
  cpuCores: z.number().positive().optional(),
  cpuSource: z.enum(["annotation", "encoded", "platform-default", "none"]),
  memoryMb: z.number().positive(),
});

/** Why a function, or a whole stage, takes no part in harvesting. Codes are stable. */
export const EXCLUSIONS = [
  "action-off",
  "action-paused",
  "not-opted-in",
  "concurrency-above-one",
  "no-user-cpu",
  "branch-not-single-action",
  "nested-fork",
  "called-composition",
  "map-unsupported",
  "sequence-action",
  "action-unknown",
] as const;
export const exclusionSchema = z.enum(EXCLUSIONS);
export type Exclusion = z.infer<typeof exclusionSchema>;

export const dagFunctionSchema = z.object({
  /** Ordinal in the DAG, in AST order; the feature by which the models tell functions apart. */
  index: z.int().nonnegative(),
  /** Fully qualified: `/namespace/[package/]action`. */
  name: z.string().min(1),
  astPath,
  kind: z.string(),
  /** Folder or file of the source, as the job file names it. */
  source: z.string().optional(),
  /** Depth of the function in the DAG, from 0. */
  stage: z.int().nonnegative(),
  /** AST path of the innermost fork above it, absent outside of parallel stages. */
  forkPath: astPath.optional(),
  /** Branch of that fork. */
  position: z.int().nonnegative().optional(),
  user: userAllocationSchema,
  /** What its owner lets harvesting leave it and give it at most, where he says so (bounds.ts). */
  bounds: boundsSchema.optional(),
  /** The action's annotation `harvest` opts in, whatever the mode of its namespace (mode.ts). */
  optedIn: z.literal(true).optional(),
  excluded: exclusionSchema.optional(),
});
export type DagFunction = z.infer<typeof dagFunctionSchema>;

export const parallelStageSchema = z.object({
  forkPath: astPath,
  kind: z.enum(["parallel", "map"]),
  width: z.int().nonnegative(),
  /** Indices of the functions that share the stage's budget, in branch order. */
  functions: z.array(z.int().nonnegative()),
  excluded: exclusionSchema.optional(),
});
export type ParallelStage = z.infer<typeof parallelStageSchema>;

export const dagDescriptionSchema = z.object({
  v: z.literal(1),
  namespace: z.string().min(1),
  name: z.string().min(1),
  /** Content hash of the composition and the functions' versions: models are trained for a version. */
  version: z.string().min(1),
  functions: z.array(dagFunctionSchema),
  stages: z.array(parallelStageSchema),
  /** Composer's JSON, for people and for planners. */
  composition: z.unknown(),
});
export type DagDescription = z.infer<typeof dagDescriptionSchema>;
