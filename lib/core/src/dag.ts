/**
 * The DAG description (paper, Figure 3.4; architecture, 4.1): what composer-plugin derives from a composition when it
 * is deployed, and all that profiler and sidecar ever learn of a workflow. It holds no code and no data. It says what a
 * function and a branch are, and never what comes of it: which of them are harvested is the sidecar's to decide.
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

/**
 * What a function's action is, where it is no plain action of the job: a sequence, a composition, or `foreign`, one
 * that the job does not define. A foreign action that OpenWhisk does not have either has the kind "unknown".
 */
const actionRoleSchema = z.enum(["sequence", "composition", "foreign"]);

/** What the action's annotation `harvest` says (mode.ts). */
const harvestAnnotationSchema = z.enum(["harvest", "observe", "off"]);

/** What a branch of a fork consists of; branch-kind.ts says which is which. */
const branchKindSchema = z.enum(["action", "sequence", "inline", "varying", "fork-inside"]);
export type BranchKind = z.infer<typeof branchKindSchema>;

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
  /** What its owner lets harvesting leave it and give it at most (bounds.ts). */
  bounds: boundsSchema.optional(),
  harvest: harvestAnnotationSchema.optional(),
  role: actionRoleSchema.optional(),
  /** Containers of the action run several activations at once. */
  concurrent: z.literal(true).optional(),
});
export type DagFunction = z.infer<typeof dagFunctionSchema>;

export const parallelStageSchema = z.object({
  forkPath: astPath,
  kind: z.enum(["parallel", "map"]),
  /** Branches of a `parallel`; 0 for a `map`, which is as wide as its input is long. */
  width: z.int().nonnegative(),
  /** By position; of a `map` its one body. */
  branches: z.array(branchKindSchema),
});
export type ParallelStage = z.infer<typeof parallelStageSchema>;

export const dagDescriptionSchema = z.object({
  v: z.literal(2),
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
