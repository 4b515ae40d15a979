/**
 * What a schema cannot say of a DAG description. Deciding relies on it: a function in two stages would be given two
 * allocations under one field, and one in a branch of another kind would be counted wrongly into the budget (H1).
 */
import { type BranchKind, type DagDescription, HarvestError } from "@openwhisk-harvest/core";

/** OWH_BAD_COMPOSITION names the first function or stage that does not fit. */
export function checkDag(dag: DagDescription): void {
  const bad = (what: string) => new HarvestError("OWH_BAD_COMPOSITION", `The DAG ${JSON.stringify(dag.name)} is inconsistent: ${what}.`);
  const astPaths = new Set<string>();
  for (const [at, { index, astPath }] of dag.functions.entries()) {
    if (index !== at) throw bad(`function number ${at} has the index ${index}`);
    if (astPaths.has(astPath)) throw bad(`two functions have the AST path ${JSON.stringify(astPath)}`);
    astPaths.add(astPath);
  }
  const stageAt = new Map<string, DagDescription["stages"][number]>();
  for (const stage of dag.stages) {
    const { forkPath, kind, width, branches } = stage;
    const where = `the stage at ${JSON.stringify(forkPath)}`;
    if (stageAt.has(forkPath)) throw bad(`two stages have the fork path ${JSON.stringify(forkPath)}`);
    stageAt.set(forkPath, stage);
    if (branches.length !== (kind === "map" ? 1 : width)) throw bad(`${where} is ${width} wide and describes ${branches.length} branches`);
  }
  const inBranch = new Map<string, number>();
  for (const { index, forkPath, position } of dag.functions) {
    if (forkPath === undefined) continue;
    const branches = stageAt.get(forkPath)?.branches ?? [];
    if (position === undefined || position >= branches.length)
      throw bad(`function ${index} is in none of the branches of ${JSON.stringify(forkPath)}`);
    const key = `${forkPath}#${position}`;
    inBranch.set(key, (inBranch.get(key) ?? 0) + 1);
  }
  for (const { forkPath, branches } of dag.stages)
    for (const [position, kind] of branches.entries()) {
      const count = inBranch.get(`${forkPath}#${position}`) ?? 0;
      if (!fits(kind, count))
        throw bad(`branch ${position} of ${JSON.stringify(forkPath)} is described as ${kind} and has ${count} functions`);
    }
}

/** Whether a branch of that kind can hold so many functions of its own. */
function fits(kind: BranchKind, count: number): boolean {
  if (kind === "inline") return count === 0;
  if (kind === "action") return count === 1;
  return kind === "sequence" ? count > 1 : true;
}
