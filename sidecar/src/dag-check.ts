/**
 * What a schema cannot say of a DAG description. Deciding relies on it: a function in two stages would be given two
 * allocations under one field, and one listed twice would count its U twice into the budget (H1).
 */
import { type DagDescription, HarvestError, type ParallelStage } from "@openwhisk-harvest/core";

/** OWH_BAD_COMPOSITION names the first function or stage that does not fit. */
export function checkDag(dag: DagDescription): void {
  const bad = (what: string) => new HarvestError("OWH_BAD_COMPOSITION", `The DAG ${JSON.stringify(dag.name)} is inconsistent: ${what}.`);
  const astPaths = new Set<string>();
  for (const [at, { index, astPath }] of dag.functions.entries()) {
    if (index !== at) throw bad(`function number ${at} has the index ${index}`);
    if (astPaths.has(astPath)) throw bad(`two functions have the AST path ${JSON.stringify(astPath)}`);
    astPaths.add(astPath);
  }
  const forkPaths = new Set<string>();
  for (const stage of dag.stages) {
    if (forkPaths.has(stage.forkPath)) throw bad(`two stages have the fork path ${JSON.stringify(stage.forkPath)}`);
    forkPaths.add(stage.forkPath);
    checkStage(dag, stage, bad);
  }
}

function checkStage(dag: DagDescription, stage: ParallelStage, bad: (what: string) => HarvestError): void {
  const where = `the stage at ${JSON.stringify(stage.forkPath)}`;
  const positions = new Set<number>();
  for (const index of stage.functions) {
    const fn = dag.functions[index];
    if (!fn) throw bad(`${where} names function ${index} of ${dag.functions.length}`);
    if (fn.forkPath !== stage.forkPath || fn.position === undefined)
      throw bad(`${where} names function ${index}, which is in none of its branches`);
    if (stage.kind === "parallel" && fn.position >= stage.width)
      throw bad(`${where} has ${stage.width} branches, and function ${index} is in branch ${fn.position}`);
    if (positions.has(fn.position)) throw bad(`${where} names two functions of branch ${fn.position}`);
    positions.add(fn.position);
  }
}
