/**
 * Fitting and flattening with ml-random-forest 2.1.0, so that its verified faults do not bite:
 *
 * forest-fit.F1  it refuses perfect splits (an error of exactly 0, or equal to the parent's): `gainThreshold: -1`, and
 *     a jitter on y, without which the root of two-level data still is a leaf.
 * forest-fit.F2  out-of-bag estimates throw on few rows: `noOOB`.
 * forest-fit.F3  `maxFeatures: 1` means all of them, which is what we want; `replacement` would draw columns twice.
 * forest-fit.F4  `maxSamples` takes the first rows instead of a random sample: rows are sampled here.
 * forest-fit.F5  NaN poisons the leaves: the port refuses it.
 * forest-fit.F6  training takes the square of the rows per node: rows are capped.
 */
import { type FlatForest, seededRng } from "@openwhisk-harvest/core";
import { FlatBuilder } from "./flat-builder.js";
import { type CartNode, type LibraryForest, RandomForestRegression } from "./ml-random-forest-library.js";
import type { TrainingRows, TrainOptions } from "./trainer.js";

/** forest-fit.F6: about a second for 100 trees; 2,000 rows take more than ten. */
export const MAX_ROWS = 500;

/**
 * forest-fit.F1: against the range of y. Far below what any prediction is worth, far above the rounding of a sum of
 * squares.
 */
const JITTER_SHARE = 1e-6;

/** Trains the library's forest. Blocks for as long as that takes. */
export function fit(rows: TrainingRows, { trees, seed }: TrainOptions): LibraryForest {
  const sample = sampleRows(rows, MAX_ROWS, seed);
  const forest = new RandomForestRegression({
    nEstimators: trees,
    seed,
    maxFeatures: 1.0,
    replacement: false,
    useSampleBagging: true,
    noOOB: true,
    treeOptions: { gainThreshold: -1, minNumSamples: 3 },
  });
  forest.train(sample.x, jittered(sample.y, seed));
  return forest;
}

/** At most `limit` of the rows, drawn without replacement (forest-fit.F4). */
export function sampleRows(rows: TrainingRows, limit: number, seed: number): TrainingRows {
  if (rows.y.length <= limit) return rows;
  const rng = seededRng(seed);
  const indices = rows.y.map((_, i) => i);
  for (let i = 0; i < limit; i++) {
    const j = i + Math.floor(rng.next() * (indices.length - i));
    [indices[i], indices[j]] = [indices[j] as number, indices[i] as number];
  }
  const drawn = indices.slice(0, limit);
  return { x: drawn.map((i) => rows.x[i] as readonly number[]), y: drawn.map((i) => rows.y[i] as number) };
}

function jittered(y: readonly number[], seed: number): number[] {
  const rng = seededRng(seed);
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (const value of y) {
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  return y.map((value) => value + (max - min) * JITTER_SHARE * (rng.next() - 0.5));
}

/** The same forest in flat form. The library, too, goes left on `<`; its trees number their columns by `indexes`. */
export function flatten(forest: Pick<LibraryForest, "estimators" | "indexes">): FlatForest {
  const builder = new FlatBuilder();
  for (const [tree, { root }] of forest.estimators.entries()) {
    builder.startTree();
    flattenNode(root, forest.indexes[tree] ?? [], builder);
  }
  return builder.build();
}

function flattenNode(node: CartNode, columns: readonly number[], builder: FlatBuilder): number {
  // A leaf may hold the split that it considered and refused, so only children make a node a split (ml-cart
  // TreeNode.classify).
  if (!node.left || !node.right) return builder.leaf(node.distribution as number);
  const written = builder.split(columns[node.splitColumn as number] as number, node.splitValue as number);
  builder.link(written, flattenNode(node.left, columns, builder), flattenNode(node.right, columns, builder));
  return written;
}
