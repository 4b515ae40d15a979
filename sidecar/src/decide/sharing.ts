/**
 * Which functions count (architecture, 5). A description says what a function and its branch are; what comes of that is
 * said here, and nowhere else. A function that is excluded, or whose prediction is not trusted, keeps U and leaves B.
 * `no-user-cpu` is the one exclusion that concerns a single resource (architecture, 2): such a function leaves CPU
 * harvesting only.
 *
 * A branch shares with all of its functions or with none, and only if each of them runs exactly once: an action, or a
 * sequence of them. Of any other it cannot be told beforehand how much is to be done, nor when it is done. A sequence
 * counts with the least U of its functions, so that what it was given is within the budget whichever of them runs (H1),
 * and all of them have the same allocation.
 */
import type { BranchKind, DagDescription, DagFunction, Exclusion, FunctionDecision, ParallelStage } from "@openwhisk-harvest/core";
import type { Resource } from "./state.js";

export interface SharingFunction extends DagFunction {
  /** The first reason why it takes no part. */
  readonly excluded?: Exclusion;
}

export interface SharingStage extends ParallelStage {
  /** Indices of the functions that take part, in branch order. None of a `map`: that is a stage of its own, each time it forks (items.ts). */
  readonly functions: readonly number[];
  /** No decision looks at it (size-limit.ts): then none takes part, and none is listed. */
  readonly isTooLarge?: true;
}

/** A workflow as a decision sees it. */
export interface SharingDag extends Omit<DagDescription, "functions" | "stages"> {
  readonly functions: readonly SharingFunction[];
  readonly stages: readonly SharingStage[];
}

/** Why a function may not be harvested now, by its index: its mode or a pause (consent.ts). */
export type Kept = ReadonlyMap<number, Exclusion>;

/** Says of every function of the DAG whether it takes part, and why not: what its owner wants comes before where it stands. */
export function sharingOf(dag: DagDescription, kept: Kept = new Map()): SharingDag {
  const stageAt = new Map(dag.stages.map((stage) => [stage.forkPath, stage]));
  const branchOf = (fn: DagFunction) => kindOf(fn.forkPath === undefined ? undefined : stageAt.get(fn.forkPath), fn);
  const alone = dag.functions.map((fn) => withReason(fn, exclusionOfAction(fn) ?? kept.get(fn.index) ?? exclusionOfBranch(branchOf(fn))));
  const broken = new Set(alone.filter(isOut).map(branchKey));
  const functions = alone.map((fn) =>
    isOut(fn) || fn.forkPath === undefined || !broken.has(branchKey(fn)) ? fn : withReason(fn, "branch-not-whole"),
  );
  const partOf = ({ forkPath }: ParallelStage) =>
    functions.filter((fn) => fn.forkPath === forkPath && !isOut(fn)).map(({ index }) => index);
  return { ...dag, functions, stages: dag.stages.map((stage) => ({ ...stage, functions: stage.kind === "map" ? [] : partOf(stage) })) };
}

/** Whether the functions of such a branch may share at all. */
export function canShare(branch: BranchKind | undefined): boolean {
  return branch === "action" || branch === "sequence";
}

function kindOf(stage: ParallelStage | undefined, { position }: DagFunction): BranchKind | undefined {
  return stage?.branches[stage.kind === "map" ? 0 : (position ?? 0)];
}

function withReason(fn: SharingFunction, excluded: Exclusion | undefined): SharingFunction {
  if (excluded) return { ...fn, excluded };
  return fn.user.cpuCores === undefined ? { ...fn, excluded: "no-user-cpu" } : fn;
}

function exclusionOfAction({ role, harvest, concurrent }: DagFunction): Exclusion | undefined {
  if (role === "composition") return "called-composition";
  if (role === "sequence") return "sequence-action";
  if (role === "foreign") return "action-unknown";
  if (harvest === "off" || harvest === "observe") return "action-off";
  return concurrent ? "concurrency-above-one" : undefined;
}

/** Outside of stages there is no branch, and nothing to share. */
function exclusionOfBranch(branch: BranchKind | undefined): Exclusion | undefined {
  if (branch === undefined || canShare(branch)) return undefined;
  return branch === "fork-inside" ? "nested-fork" : "branch-varies";
}

function isOut({ excluded }: SharingFunction): boolean {
  return excluded !== undefined && excluded !== "no-user-cpu";
}

function branchKey({ forkPath, position }: DagFunction): string {
  return `${forkPath}#${position}`;
}

/** A function of the DAG or of a decision. */
type Candidate = Pick<SharingFunction | FunctionDecision, "user" | "excluded">;

/** Whether the function may share this resource once its prediction is trusted. */
export function isCandidate({ user, excluded }: Candidate, resource: Resource): boolean {
  if (resource === "memoryMb") return excluded === undefined || excluded === "no-user-cpu";
  return excluded === undefined && user.cpuCores !== undefined;
}

export function isTrusted({ predicted }: Pick<FunctionDecision, "predicted">): boolean {
  return predicted !== undefined && predicted.distrust === undefined;
}

/** Whether the function spends a part of the stage's budget of this resource, if its branch does. */
export function shares(fn: Candidate & Pick<FunctionDecision, "predicted">, resource: Resource): boolean {
  return isCandidate(fn, resource) && isTrusted(fn);
}

/** The branches that spend the stage's budget of this resource, in their order. */
export function sharingBranches(members: readonly FunctionDecision[], resource: Resource): FunctionDecision[][] {
  return branchesOf(members).filter((branch) => branch.every((fn) => shares(fn, resource)));
}

/** The members of a stage branch by branch, in their order; one without a position is a branch of its own. */
export function branchesOf<Member extends { readonly position?: number | undefined }>(members: readonly Member[]): Member[][] {
  const byPosition = new Map<number | string, Member[]>();
  for (const [at, fn] of members.entries()) {
    const key = fn.position ?? `alone ${at}`;
    byPosition.set(key, [...(byPosition.get(key) ?? []), fn]);
  }
  return [...byPosition.values()];
}

/** The functions that take part, and those of the stage's branches that do not, with their reasons; in branch order. */
export function membersOf(dag: SharingDag, { forkPath, functions, isTooLarge }: SharingStage): SharingFunction[] {
  if (isTooLarge) return [];
  const own = new Set(functions);
  return dag.functions.filter((fn) => own.has(fn.index) || (fn.forkPath === forkPath && isOut(fn)));
}
