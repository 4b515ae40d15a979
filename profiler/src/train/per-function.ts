/**
 * Trains each function of a DAG by itself and joins the forests: tree t routes by the function's ordinal to the t-th tree of
 * that function. This is ML1_f and ML2_f of the paper's Appendix B behind one forest.
 *
 * One forest over all functions mixes them where profiles are sparse: tree by tree, a bootstrap misses over a third of the rows,
 * and a leaf near a rarely seen size then averages functions whose needs differ by an order of magnitude.
 */
import { type FlatForest, HarvestError } from "@openwhisk-harvest/core";
import type { Trainer, TrainingRows, TrainOptions } from "./trainer.js";

/** `column` is the feature that holds the ordinal. A function without rows is answered like its nearest neighbour; its sample count says not to trust that. */
export async function trainPerFunction(trainer: Trainer, rows: TrainingRows, column: number, options: TrainOptions): Promise<FlatForest> {
  const groups = rowsByFunction(rows, column);
  if (groups.length === 0) throw new HarvestError("OWH_BAD_DATASET", "Cannot train: the dataset is empty.");
  const forests: FunctionForest[] = [];
  for (const { functionIndex, rows: own } of groups) forests.push({ functionIndex, forest: await trainer.train(own, options) });
  return joinForests(forests, column);
}

interface FunctionForest {
  readonly functionIndex: number;
  readonly forest: FlatForest;
}

function rowsByFunction({ x, y }: TrainingRows, column: number): { functionIndex: number; rows: TrainingRows }[] {
  const groups = new Map<number, { x: (readonly number[])[]; y: number[] }>();
  for (const [i, row] of x.entries()) {
    const functionIndex = row[column] as number;
    const group = groups.get(functionIndex) ?? { x: [], y: [] };
    groups.set(functionIndex, group);
    group.x.push(row);
    group.y.push(y[i] as number);
  }
  return [...groups].map(([functionIndex, own]) => ({ functionIndex, rows: own })).sort((a, b) => a.functionIndex - b.functionIndex);
}

/**
 * The routers of a tree stand first, in a chain: router i sends what lies below the middle between function i and the next to
 * function i's tree, and the rest to router i + 1.
 */
export function joinForests(forests: readonly FunctionForest[], column: number): FlatForest {
  const trees = (forests[0] as FunctionForest).forest.roots.length;
  const routers = forests.length - 1;
  const nodes = trees * routers + forests.reduce((sum, { forest }) => sum + forest.feature.length, 0);
  const joined: FlatForest = {
    roots: new Int32Array(trees),
    feature: new Int32Array(nodes).fill(column, 0, trees * routers),
    threshold: new Float64Array(nodes),
    left: new Int32Array(nodes),
    right: new Int32Array(nodes),
    value: new Float64Array(nodes),
  };
  const offsets: number[] = [];
  let offset = trees * routers;
  for (const { forest } of forests) {
    offsets.push(offset);
    copyNodes(forest, joined, offset);
    offset += forest.feature.length;
  }
  const rootOf = (f: number, tree: number) => (offsets[f] as number) + ((forests[f] as FunctionForest).forest.roots[tree] as number);
  for (let tree = 0; tree < trees; tree++) {
    const first = tree * routers;
    joined.roots[tree] = routers === 0 ? rootOf(0, tree) : first;
    for (let f = 0; f < routers; f++) {
      const [here, next] = [forests[f] as FunctionForest, forests[f + 1] as FunctionForest];
      joined.threshold[first + f] = (here.functionIndex + next.functionIndex) / 2;
      joined.left[first + f] = rootOf(f, tree);
      joined.right[first + f] = f + 1 < routers ? first + f + 1 : rootOf(f + 1, tree);
    }
  }
  return joined;
}

function copyNodes(from: FlatForest, to: FlatForest, offset: number): void {
  for (let i = 0; i < from.feature.length; i++) {
    const isLeaf = from.feature[i] === -1;
    to.feature[offset + i] = from.feature[i] as number;
    to.threshold[offset + i] = from.threshold[i] as number;
    to.left[offset + i] = isLeaf ? 0 : (from.left[i] as number) + offset;
    to.right[offset + i] = isLeaf ? 0 : (from.right[i] as number) + offset;
    to.value[offset + i] = from.value[i] as number;
  }
}
