/**
 * A forest asked about one function only depends on one number, the size: every other feature is fixed. As such its
 * mean is a step function, and its steps can be laid out: between two neighbouring thresholds no tree changes its mind.
 * Asking then is one binary search, where 100 trees are 100 walks. The answers are the same to the last bit, since each
 * step holds the mean of the very values that the trees give there, summed in the order of the trees.
 */
import { type FlatForest, meanOf } from "./forest.js";

export interface StepForest {
  /** Ascending; step i holds from starts[i] (inclusive) to starts[i + 1]. The first is -Infinity. */
  readonly starts: Float64Array;
  readonly mean: Float64Array;
}

/** One tree, as it answers to the size: from thresholds[i] on it says values[i + 1]. */
interface TreeSteps {
  readonly thresholds: number[];
  readonly values: number[];
}

/** `x` holds the fixed features; its `column` is the one that varies. Takes time in the order of steps times trees. */
export function stepForestOf(forest: FlatForest, x: readonly number[], column: number): StepForest {
  const trees = Array.from(forest.roots, (root) => stepsOfTree(forest, root, x, column));
  const starts = distinctStarts(trees);
  const changes = changesByStart(trees, starts);
  const mean = new Float64Array(starts.length);
  const perTree = Float64Array.from(trees, ({ values }) => values[0] as number);
  for (let step = 0; step < starts.length; step++) {
    for (let i = changes.from[step] as number; i < (changes.from[step + 1] as number); i++)
      perTree[changes.tree[i] as number] = changes.value[i] as number;
    mean[step] = meanOf(perTree);
  }
  return { starts, mean };
}

/** All thresholds once, ascending, after the -Infinity where every tree begins. */
function distinctStarts(trees: readonly TreeSteps[]): Float64Array {
  const all = new Float64Array(1 + trees.reduce((sum, { thresholds }) => sum + thresholds.length, 0));
  let at = 1;
  for (const { thresholds } of trees) {
    all.set(thresholds, at);
    at += thresholds.length;
  }
  all[0] = Number.NEGATIVE_INFINITY;
  all.sort();
  return all.filter((value, i) => i === 0 || value !== all[i - 1]);
}

/** Which trees change their answer where: those of start s stand in [from[s], from[s + 1]). A counting sort. */
interface Changes {
  readonly from: Int32Array;
  readonly tree: Int32Array;
  readonly value: Float64Array;
}

function changesByStart(trees: readonly TreeSteps[], starts: Float64Array): Changes {
  const from = new Int32Array(starts.length + 1);
  const placed = trees.map(({ thresholds }) => Int32Array.from(thresholds, (at) => stepAt(starts, at)));
  for (const places of placed) for (const start of places) (from[start + 1] as number)++;
  for (let s = 0; s < starts.length; s++) (from[s + 1] as number) += from[s] as number;
  const total = from[starts.length] as number;
  const changes = { from, tree: new Int32Array(total), value: new Float64Array(total) };
  const next = from.slice();
  for (const [tree, places] of placed.entries())
    for (let i = 0; i < places.length; i++) {
      const at = (next[places[i] as number] as number)++;
      changes.tree[at] = tree;
      changes.value[at] = (trees[tree] as TreeSteps).values[i + 1] as number;
    }
  return changes;
}

/** The step that holds at a size. */
function stepAt(starts: Float64Array, size: number): number {
  // NaN goes right at every node of a tree, hence to the last step; here it fails every `<`, too.
  let low = 0;
  let high = starts.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (size < (starts[middle] as number)) high = middle;
    else low = middle;
  }
  return low;
}

/** As meanOf(predictTrees(forest, x)). */
export function stepMean({ starts, mean }: StepForest, size: number): number {
  return mean[stepAt(starts, size)] as number;
}

/**
 * The same trees, entered below the tests that the fixed features decide: what predictTrees() walks, less the walk to
 * the function. For callers that need every tree's answer.
 */
export function enteredForest(forest: FlatForest, x: readonly number[], column: number): FlatForest {
  const { feature, threshold, left, right } = forest;
  const roots = forest.roots.map((root) => {
    let node = root;
    for (let f = feature[node] as number; f >= 0 && f !== column; f = feature[node] as number)
      node = ((x[f] as number) < (threshold[node] as number) ? left[node] : right[node]) as number;
    return node;
  });
  return { ...forest, roots };
}

/** The leaves that a size can reach, from left to right, with the thresholds between them. */
function stepsOfTree(forest: FlatForest, root: number, x: readonly number[], column: number): TreeSteps {
  const { feature, threshold, left, right, value } = forest;
  const steps: TreeSteps = { thresholds: [], values: [] };
  const visit = (node: number, from: number, to: number): void => {
    const f = feature[node] as number;
    if (f < 0) {
      if (steps.values.length > 0) steps.thresholds.push(from);
      steps.values.push(value[node] as number);
      return;
    }
    const at = threshold[node] as number;
    const [below, above] = [left[node] as number, right[node] as number];
    if (f !== column) {
      visit((x[f] as number) < at ? below : above, from, to);
      return;
    }
    // A threshold outside of [from, to) was decided by a node above.
    if (at > from) visit(below, from, Math.min(at, to));
    if (at < to) visit(above, Math.max(at, from), to);
  };
  visit(root, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
  return steps;
}
