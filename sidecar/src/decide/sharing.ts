/**
 * Who counts (architecture, 5). A function that is excluded or whose prediction is not trusted keeps U and leaves B.
 * `no-user-cpu` is the one exclusion that concerns a single resource (architecture, 2): such a function leaves CPU
 * harvesting only.
 */
import type { DagDescription, DagFunction, Exclusion, FunctionDecision, ParallelStage } from "@openwhisk-harvest/core";
import type { Resource } from "./state.js";

/** A function of the DAG or of a decision. */
type Candidate = Pick<DagFunction | FunctionDecision, "user" | "excluded">;

/** Whether the function may share this resource once its prediction is trusted. */
export function isCandidate({ user, excluded }: Candidate, resource: Resource): boolean {
  if (resource === "memoryMb") return excluded === undefined || excluded === "no-user-cpu";
  return excluded === undefined && user.cpuCores !== undefined;
}

export function isTrusted({ predicted }: Pick<FunctionDecision, "predicted">): boolean {
  return predicted !== undefined && predicted.distrust === undefined;
}

/** Whether the function spends a part of the stage's budget of this resource. */
export function shares(fn: Candidate & Pick<FunctionDecision, "predicted">, resource: Resource): boolean {
  return isCandidate(fn, resource) && isTrusted(fn);
}

/** Why no function of the stage is harvested; `map` needs the items' sizes at its fork, which this version does not ask for. */
export function exclusionOf(stage: ParallelStage): Exclusion | undefined {
  return stage.excluded ?? (stage.kind === "map" ? "map-unsupported" : undefined);
}

/** The stage's own functions in branch order, then those that stand in its branches without taking part. */
export function membersOf(dag: DagDescription, stage: ParallelStage): DagFunction[] {
  const own = stage.functions.map((index) => dag.functions.find((fn) => fn.index === index)).filter((fn) => fn !== undefined);
  const others = dag.functions.filter((fn) => fn.forkPath === stage.forkPath && fn.excluded && !stage.functions.includes(fn.index));
  return [...own, ...others];
}
