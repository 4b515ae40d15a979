/**
 * A `map`, decided when it forks, with the sizes of its items (architecture, 5): every item is a branch of its own, B =
 * width x U. Pure: the DAG is rewritten so that the map is a stage like any other, and the decision is written back
 * afterwards.
 */
import type { DagDescription, DagFunction, ParallelStage, StageDecision } from "@openwhisk-harvest/core";
import { type Predictions, predict } from "./predict.js";
import { canShare } from "./sharing.js";
import { MOST_FUNCTIONS } from "./size-limit.js";
import type { DecisionState } from "./state.js";

/** Which time a run comes to which fork, and with what. */
export interface ForkOfItems {
  readonly forkPath: string;
  readonly trail: string;
  readonly forkNo: number;
  /** Size of each item, in their order. */
  readonly itemBytes: readonly number[];
}

export interface ItemStage {
  /** The items' functions, with ordinals of their own, in one stage. */
  readonly dag: DagDescription;
  /** The ordinal in the DAG as it is, which the models know. */
  readonly originOf: readonly number[];
  /** What is known of a function's input: the item itself, for the first function of the map's body. */
  readonly inputBytesOf: readonly (number | undefined)[];
}

/** Undefined when the DAG has no such map, or when its body cannot share. */
export function itemStageOf(dag: DagDescription, { forkPath, itemBytes }: ForkOfItems): ItemStage | undefined {
  const stage = dag.stages.find((one) => one.forkPath === forkPath && one.kind === "map");
  const kind = stage?.branches[0];
  if (!stage || kind === undefined || !canShare(kind)) return undefined;
  const body = dag.functions.filter((fn) => fn.forkPath === forkPath);
  if (body.length * itemBytes.length > MOST_FUNCTIONS) return tooLarge(dag, stage, itemBytes.length);
  const copies = itemBytes.flatMap((bytes, position) => body.map((fn, at) => ({ fn, position, bytes: at === 0 ? bytes : undefined })));
  const functions = copies.map(({ fn, position }, index): DagFunction => ({ ...fn, index, position }));
  const width = itemBytes.length;
  const items: ParallelStage = { forkPath, kind: "parallel", width, branches: itemBytes.map(() => kind) };
  return {
    dag: { ...dag, functions, stages: [items] },
    originOf: copies.map(({ fn }) => fn.index),
    inputBytesOf: copies.map(({ bytes }) => bytes),
  };
}

function tooLarge(dag: DagDescription, { forkPath }: ParallelStage, width: number): ItemStage {
  const items = { forkPath, kind: "parallel", width, branches: [], isTooLarge: true } as const;
  return { dag: { ...dag, functions: [], stages: [{ ...items, branches: [] }] }, originOf: [], inputBytesOf: [] };
}

/**
 * As predict() does it for the functions of a DAG; `state.dag` is the item stage's, perhaps with fewer that may take
 * part.
 */
export function predictItems(state: DecisionState, { originOf, inputBytesOf }: ItemStage): Predictions {
  return predict(state, ({ index }) => {
    const knownInputBytes = inputBytesOf[index];
    return { functionIndex: originOf[index] as number, ...(knownInputBytes !== undefined && { knownInputBytes }) };
  });
}

/** The decision about the items, as one about the map. */
export function asMap(stage: StageDecision, { trail, forkNo }: ForkOfItems, { originOf }: ItemStage): StageDecision {
  const functions = stage.functions.map((fn) => ({ ...fn, index: originOf[fn.index] as number }));
  return { ...stage, kind: "map", fork: { trail, forkNo }, functions };
}
