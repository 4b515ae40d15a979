/** From a compiled composition and what is known of its actions to the DAG description of core. Pure. */
import { boundsOf, type DagDescription, type DagFunction, HarvestError, isAstPath, type ParallelStage } from "@openwhisk-harvest/core";
import type { CompiledComposition } from "../composer.js";
import { factsOf, isOff, type KnownAction, userOf } from "./functions.js";
import { outline, versionOf } from "./outline.js";
import { type Fork, type FoundFunction, walk } from "./walk.js";

export interface DescribeInput {
  readonly namespace: string;
  /** The composition's name within the namespace. */
  readonly name: string;
  readonly compiled: CompiledComposition;
  readonly actions: readonly KnownAction[];
  /** CPU of an action that asks for none, where the platform caps it: 1 on `standalone`. */
  readonly platformCpuCores?: number;
}

/** Where a function stands whose runs carry a key; see the conductor's annotation `harvest-dag`. */
export interface HarvestPosition {
  readonly index: number;
  readonly name: string;
  readonly astPath: string;
}

/** Throws OWH_BAD_COMPOSITION for a composition that composer 0.12 would not have made. */
export function describeComposition(input: DescribeInput): DagDescription {
  const { namespace, name, compiled, actions, platformCpuCores } = input;
  const known = new Map(actions.map((action) => [action.name, action]));
  const { functions: found, forks } = walk(compiled.composition);
  const functions = found.map((one, index) => describeFunction(one, index, known, namespace, platformCpuCores));
  const codeHashes = Object.fromEntries(
    functions.flatMap(({ name: action }) => {
      const codeHash = known.get(action)?.codeHash;
      return codeHash === undefined ? [] : [[action, codeHash]];
    }),
  );
  return {
    v: 2,
    namespace,
    name,
    version: versionOf(compiled.composition, functions, codeHashes),
    functions,
    stages: forks.flatMap(describeStage),
    composition: outline(compiled.composition),
  };
}

/** `/_/name` stands for the namespace of the composition itself. */
export function qualify(name: string, namespace: string): string {
  return name.startsWith("/_/") ? `/${namespace}/${name.slice(3)}` : name;
}

function describeFunction(
  found: FoundFunction,
  index: number,
  known: ReadonlyMap<string, KnownAction>,
  namespace: string,
  platformCpuCores: number | undefined,
): DagFunction {
  if (!isAstPath(found.path))
    throw new HarvestError("OWH_BAD_COMPOSITION", `The AST path ${JSON.stringify(found.path)} of ${found.name} is too deep or malformed.`);
  const name = qualify(found.name, namespace);
  const action = known.get(name);
  const fork = stageBranch(found);
  const user = userOf(action, platformCpuCores);
  const bounds = boundsOf(action?.annotations, user);
  return {
    index,
    name,
    astPath: found.path,
    kind: action?.kind ?? "unknown",
    ...(action?.source === undefined ? {} : { source: action.source }),
    stage: found.depth,
    ...(fork ? { forkPath: fork.fork.path, position: fork.position } : {}),
    user,
    ...(bounds.min || bounds.max ? { bounds } : {}),
    ...factsOf(action),
  };
}

/** The branch by which a run of the function is known. An `async` is no stage: nothing waits for it. */
function stageBranch(found: FoundFunction): FoundFunction["branch"] {
  return found.branch?.fork.kind === "async" ? undefined : found.branch;
}

function describeStage({ kind, path, width, branches }: Fork): ParallelStage[] {
  return kind === "async" ? [] : [{ forkPath: path, kind, width, branches: branches.map((branch) => branch.kind) }];
}

/**
 * The functions whose runs carry a key: those of the job that have not opted out. A key must not reach what is no
 * single action of ours, because nothing takes it out of the parameters there.
 */
export function harvestPositions(dag: DagDescription, actions: readonly KnownAction[]): HarvestPosition[] {
  const keyed = new Set(actions.filter((action) => action.role === undefined && !isOff(action)).map((action) => action.name));
  return dag.functions.filter(({ name }) => keyed.has(name)).map(({ index, name, astPath }) => ({ index, name, astPath }));
}

/**
 * AST paths of the forks where a decision may be worth asking for: those with runs that carry a key in several
 * branches, or in the body of a `map`, which is as many branches as it has items.
 */
export function forksToStamp({ functions, stages }: DagDescription, keyed: readonly HarvestPosition[]): string[] {
  const isKeyed = new Set(keyed.map(({ index }) => index));
  const branchesOf = (forkPath: string) =>
    new Set(functions.filter((fn) => fn.forkPath === forkPath && isKeyed.has(fn.index)).map(({ position }) => position));
  return stages.filter(({ forkPath, kind }) => branchesOf(forkPath).size > (kind === "map" ? 0 : 1)).map(({ forkPath }) => forkPath);
}
