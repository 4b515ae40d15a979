/**
 * A trained random forest, flattened into typed arrays: the one form in which forests are stored and asked.
 *
 * All trees lie one behind the other. Node i tests `x[feature[i]] < threshold[i]`: true goes to `left[i]`, false (and NaN) to
 * `right[i]`. A leaf has feature -1 and predicts `value[i]`.
 */
import type { Prediction } from "./decision.js";
import { HarvestError } from "./errors.js";

export interface FlatForest {
  readonly roots: Int32Array;
  readonly feature: Int32Array;
  readonly threshold: Float64Array;
  readonly left: Int32Array;
  readonly right: Int32Array;
  readonly value: Float64Array;
}

export function treeCount(forest: FlatForest): number {
  return forest.roots.length;
}

/** What tree number `tree` predicts for the features `x`. */
export function predictTree(forest: FlatForest, tree: number, x: ArrayLike<number>): number {
  const { feature, threshold, left, right, value } = forest;
  let node = forest.roots[tree] as number;
  for (let f = feature[node] as number; f >= 0; f = feature[node] as number) {
    node = ((x[f] as number) < (threshold[node] as number) ? left[node] : right[node]) as number;
  }
  return value[node] as number;
}

/** What every tree predicts, into `out` (as long as there are trees). */
export function predictTrees(forest: FlatForest, x: ArrayLike<number>, out = new Float64Array(forest.roots.length)): Float64Array {
  for (let tree = 0; tree < forest.roots.length; tree++) out[tree] = predictTree(forest, tree, x);
  return out;
}

export function meanOf(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] as number;
  return sum / values.length;
}

/** The q-quantile of ascending values, linear between neighbours. */
export function quantileOfSorted(sorted: ArrayLike<number>, q: number): number {
  const at = q * (sorted.length - 1);
  const low = Math.floor(at);
  const a = sorted[low] as number;
  const b = sorted[Math.min(low + 1, sorted.length - 1)] as number;
  return a + (b - a) * (at - low);
}

/** Mean and spread of what the trees say. */
export function summarize(perTree: Float64Array): Prediction {
  const sorted = perTree.slice().sort();
  return { mean: meanOf(perTree), p10: quantileOfSorted(sorted, 0.1), p90: quantileOfSorted(sorted, 0.9) };
}

/** Refuses a forest whose links leave their arrays, lead backwards (a walk would never end) or whose values are no numbers. */
export function validateForest(forest: FlatForest, featureCount: number): void {
  const { roots, feature, threshold, left, right, value } = forest;
  const nodes = feature.length;
  const bad = (what: string) => new HarvestError("OWH_BAD_MODEL", `The forest is damaged: ${what}.`);
  if (roots.length === 0) throw bad("it has no trees");
  for (const array of [threshold, left, right, value]) if (array.length !== nodes) throw bad("its arrays differ in length");
  for (const root of roots) if (root < 0 || root >= nodes) throw bad(`root ${root} lies outside`);
  for (let i = 0; i < nodes; i++) {
    const f = feature[i] as number;
    if (f < -1 || f >= featureCount) throw bad(`node ${i} tests feature ${f} of ${featureCount}`);
    if (f === -1) {
      if (!Number.isFinite(value[i])) throw bad(`leaf ${i} predicts ${value[i]}`);
      continue;
    }
    if (!Number.isFinite(threshold[i])) throw bad(`node ${i} has the threshold ${threshold[i]}`);
    for (const child of [left[i] as number, right[i] as number]) if (child <= i || child >= nodes) throw bad(`node ${i} leads to ${child}`);
  }
}
