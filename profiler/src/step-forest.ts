/**
 * A forest asked about one function only depends on one number, the size: every other feature is fixed. As such it is a step
 * function, and its steps can be laid out when the model is loaded: between two neighbouring thresholds no tree changes its mind.
 * Asking then is one binary search, where 100 trees are 100 walks. The answers are the same to the last bit, since each step holds
 * what summarize() of core says of the very values that the trees give there.
 */
import { type FlatForest, meanOf, type Prediction, quantileOfSorted } from "@openwhisk-harvest/core";

export interface StepForest {
  /** Ascending; step i holds from starts[i] (inclusive) to starts[i + 1]. The first is -Infinity. */
  readonly starts: Float64Array;
  readonly mean: Float64Array;
  readonly p10: Float64Array;
  readonly p90: Float64Array;
}

/** One tree, as it answers to the size: from thresholds[i] on it says values[i + 1]. */
interface TreeSteps {
  readonly thresholds: number[];
  readonly values: number[];
}

/** `x` holds the fixed features; its `column` is the one that varies. Takes time in the order of steps times trees. */
export function stepForestOf(forest: FlatForest, x: readonly number[], column: number): StepForest {
  const trees = Array.from(forest.roots, (root) => stepsOfTree(forest, root, x, column));
  const starts = distinctAscending(trees.flatMap(({ thresholds }) => [Number.NEGATIVE_INFINITY, ...thresholds]));
  const changes = changesByStart(trees, starts);
  const steps = { starts, mean: starts.slice(), p10: starts.slice(), p90: starts.slice() };
  const perTree = Float64Array.from(trees, ({ values }) => values[0] as number);
  const sorted = perTree.slice().sort();
  for (let step = 0; step < starts.length; step++) {
    for (let i = changes.from[step] as number; i < (changes.from[step + 1] as number); i++) {
      const tree = changes.tree[i] as number;
      const value = changes.value[i] as number;
      replaceInSorted(sorted, perTree[tree] as number, value);
      perTree[tree] = value;
    }
    steps.mean[step] = meanOf(perTree);
    steps.p10[step] = quantileOfSorted(sorted, 0.1);
    steps.p90[step] = quantileOfSorted(sorted, 0.9);
  }
  return steps;
}

function distinctAscending(values: readonly number[]): Float64Array {
  const sorted = Float64Array.from(values).sort();
  return sorted.filter((value, i) => i === 0 || value !== sorted[i - 1]);
}

/** Which trees change their answer where: those of start s stand in [from[s], from[s + 1]). A counting sort. */
interface Changes {
  readonly from: Int32Array;
  readonly tree: Int32Array;
  readonly value: Float64Array;
}

function changesByStart(trees: readonly TreeSteps[], starts: Float64Array): Changes {
  const from = new Int32Array(starts.length + 1);
  const placed = trees.map(({ thresholds }) => Int32Array.from(thresholds, (at) => lowerBound(starts, at)));
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
function stepAt({ starts }: StepForest, size: number): number {
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
export function stepMean(steps: StepForest, size: number): number {
  return steps.mean[stepAt(steps, size)] as number;
}

/** As summarize(predictTrees(forest, x)). */
export function stepPrediction(steps: StepForest, size: number): Prediction {
  const at = stepAt(steps, size);
  return { mean: steps.mean[at] as number, p10: steps.p10[at] as number, p90: steps.p90[at] as number };
}

/**
 * The same trees, entered below the tests that the fixed features decide: what predictTrees() of core walks, less the walk to the
 * function. For those who need every tree's answer.
 */
export function forestOf(forest: FlatForest, x: readonly number[], column: number): FlatForest {
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

/** Takes one `old` out and puts `value` in, moving only what lies between. */
function replaceInSorted(sorted: Float64Array, old: number, value: number): void {
  let at = lowerBound(sorted, old);
  for (; value > old && at + 1 < sorted.length && (sorted[at + 1] as number) < value; at++) sorted[at] = sorted[at + 1] as number;
  for (; value < old && at > 0 && (sorted[at - 1] as number) > value; at--) sorted[at] = sorted[at - 1] as number;
  sorted[at] = value;
}

/** The first place that holds at least `value`. */
function lowerBound(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
