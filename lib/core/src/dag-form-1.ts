/**
 * Reads the DAG descriptions that stores hold: today's form, and form 1 as what it would be today.
 *
 * Form 1 wrote down what a version of this software could not harvest, the first reason that applied: `excluded` of a function, or of a
 * stage. A reason that lies in the action says what the action is. One that lies in the function's place ("nested-fork",
 * "branch-not-single-action", "map-unsupported") says less than the outline beside it, and counts only where that has no such fork.
 */
import { z } from "zod";
import { branchKindOf, type CompositionPart, forkAt } from "./branch-kind.js";
import {
  type BranchKind,
  type DagDescription,
  type DagFunction,
  dagDescriptionSchema,
  dagFunctionSchema,
  type ParallelStage,
  parallelStageSchema,
} from "./dag.js";

const FORM_1_EXCLUSIONS = [
  "action-off",
  "concurrency-above-one",
  "sequence-action",
  "called-composition",
  "action-unknown",
  "branch-not-single-action",
  "nested-fork",
  "map-unsupported",
  "action-paused",
  "not-opted-in",
  "no-user-cpu",
] as const;
const excludedSchema = z.enum(FORM_1_EXCLUSIONS).optional();

const form1Schema = dagDescriptionSchema.extend({
  v: z.literal(1),
  functions: z.array(
    dagFunctionSchema
      .omit({ harvest: true, role: true, concurrent: true })
      .extend({ optedIn: z.literal(true).optional(), excluded: excludedSchema }),
  ),
  stages: z.array(
    parallelStageSchema.omit({ branches: true }).extend({ functions: z.array(z.int().nonnegative()), excluded: excludedSchema }),
  ),
});
type Form1 = z.infer<typeof form1Schema>;

/** For whatever reads a description that something else has written. */
export const storedDagSchema = z.discriminatedUnion("v", [dagDescriptionSchema, form1Schema.transform(fromForm1)]);

const FACTS: Readonly<Partial<Record<(typeof FORM_1_EXCLUSIONS)[number], Partial<DagFunction>>>> = {
  "action-off": { harvest: "off" },
  "concurrency-above-one": { concurrent: true },
  "sequence-action": { role: "sequence" },
  "called-composition": { role: "composition" },
  "action-unknown": { role: "foreign" },
};

function fromForm1(dag: Form1): DagDescription {
  return {
    ...dag,
    v: 2,
    functions: dag.functions.map(({ optedIn, excluded, ...fn }) => ({
      ...fn,
      ...(optedIn && { harvest: "harvest" as const }),
      ...(excluded && FACTS[excluded]),
    })),
    stages: dag.stages.map((stage) => stageFromForm1(dag, stage)),
  };
}

function stageFromForm1(dag: Form1, { functions: _, excluded: __, ...stage }: Form1["stages"][number]): ParallelStage {
  const fork = forkAt(dag.composition, stage.forkPath);
  const count = stage.kind === "map" ? 1 : stage.width;
  return { ...stage, branches: Array.from({ length: count }, (_, position) => branchFromForm1(dag, stage, fork, position)) };
}

function branchFromForm1(
  dag: Form1,
  { forkPath, kind }: Pick<ParallelStage, "forkPath" | "kind">,
  fork: CompositionPart | undefined,
  position: number,
): BranchKind {
  const parts = Array.isArray(fork?.["components"]) ? fork["components"] : [];
  if (parts.length > 0 && (kind === "map" || position in parts)) return branchKindOf(kind === "map" ? parts : parts[position]);
  const here = dag.functions.filter((fn) => fn.forkPath === forkPath && (fn.position ?? 0) === position);
  if (here.length === 0) return "inline";
  if (here.some(({ excluded }) => excluded === "nested-fork")) return "fork-inside";
  return here.length === 1 && here[0]?.excluded !== "branch-not-single-action" && kind !== "map" ? "action" : "varying";
}
