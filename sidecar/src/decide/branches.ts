/**
 * What the branches of a stage consist of, from the outline of the composition (DagDescription.composition; composer's lowered
 * combinators, whose conditionals, loops and handlers decide at run time what runs and how often).
 *
 *   straight   its functions run one after another, each exactly once: an action, or a `sequence` of them, with whatever runs inline
 *   anything else keeps U: it cannot be told beforehand how much is to be done, nor when it is done
 *
 * A straight branch shares with all of its functions or with none. It counts with the least U among them, so that what it was given is
 * within the budget whichever of them runs (H1), and all of them have the same allocation.
 */
import type { DagDescription, DagFunction, FunctionDecision, ParallelStage } from "@openwhisk-harvest/core";

interface OutlineNode {
  readonly type?: unknown;
  readonly path?: unknown;
  readonly components?: unknown;
  readonly body?: unknown;
  readonly finalizer?: unknown;
  readonly handler?: unknown;
  readonly [name: string]: unknown;
}

const IN_TURN = new Set(["sequence", "let", "mask"]);
const INLINE = new Set(["action", "function"]);

function isNode(value: unknown): value is OutlineNode {
  return typeof value === "object" && value !== null;
}

function partsOf(node: OutlineNode): OutlineNode[] {
  const components = Array.isArray(node.components) ? node.components : [];
  return [...components, ...Object.values(node).filter((value) => !Array.isArray(value))].filter(isNode);
}

function find(node: OutlineNode, path: string): OutlineNode | undefined {
  if (node.path === path && (node.type === "parallel" || node.type === "map")) return node;
  for (const part of partsOf(node)) {
    const found = find(part, path);
    if (found) return found;
  }
  return undefined;
}

function isStraight(node: OutlineNode): boolean {
  if (INLINE.has(String(node.type))) return true;
  if (IN_TURN.has(String(node.type))) return partsOf(node).every(isStraight);
  if (node.type === "finally") return [node.body, node.finalizer].every((part) => isNode(part) && isStraight(part));
  // A handler that runs no action changes no limits, and leaves the branch as it is.
  if (node.type === "try") return isNode(node.body) && isStraight(node.body) && isNode(node.handler) && node.handler.type === "function";
  return false;
}

/** By position; of a `map` its one body has the position 0. */
export function isStraightBranch(dag: DagDescription, { forkPath, kind }: ParallelStage, position: number): boolean {
  const fork = isNode(dag.composition) ? find(dag.composition, forkPath) : undefined;
  const components: unknown[] = Array.isArray(fork?.components) ? fork.components : [];
  if (kind === "map") return components.length > 0 && components.every((part) => isNode(part) && isStraight(part));
  const branch = components[position];
  return isNode(branch) && isStraight(branch);
}

/**
 * The DAG with the functions of straight sequences taking part in their stages. Descriptions exclude them, because a branch has one
 * function in what the paper describes.
 */
export function withSequences(dag: DagDescription): DagDescription {
  if (!dag.functions.some(({ excluded }) => excluded === "branch-not-single-action")) return dag;
  const stageOf = new Map(dag.stages.map((stage) => [stage.forkPath, stage]));
  const functions = dag.functions.map((fn): DagFunction => {
    const stage = fn.forkPath === undefined ? undefined : stageOf.get(fn.forkPath);
    if (fn.excluded !== "branch-not-single-action" || !stage || !isStraightBranch(dag, stage, fn.position ?? 0)) return fn;
    const { excluded: _lifted, ...rest } = fn;
    return rest;
  });
  const membersOf = ({ forkPath }: ParallelStage) =>
    functions.filter((fn) => fn.forkPath === forkPath && fn.excluded === undefined).map(({ index }) => index);
  return { ...dag, functions, stages: dag.stages.map((stage) => (stage.excluded ? stage : { ...stage, functions: membersOf(stage) })) };
}

/** The members of a stage branch by branch, in their order; whoever has no position is a branch of its own. */
export function branchesOf(members: readonly FunctionDecision[]): FunctionDecision[][] {
  const byPosition = new Map<number | string, FunctionDecision[]>();
  for (const [at, fn] of members.entries()) {
    const key = fn.position ?? `alone ${at}`;
    byPosition.set(key, [...(byPosition.get(key) ?? []), fn]);
  }
  return [...byPosition.values()];
}
