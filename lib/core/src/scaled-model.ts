/** A model that errs on purpose, by known factors: for experiments and tests of what wrong predictions lead to. Pure. */
import { sealed } from "./document-seal.js";
import type { FlatForest } from "./forest.js";
import { encodeForests, type Forests, MODEL_FEATURES, MODEL_TARGETS, type Model, type ModelTarget } from "./model.js";

/** What a target is multiplied by, for all functions or for those with these ordinals alone; 1 when absent. */
export interface ModelError {
  readonly factors: Partial<Record<ModelTarget, number>>;
  readonly functions?: readonly number[];
}

/** As `version`. Its calibration goes: measured errors of the true model say nothing about this one. */
export function scaledModel({ document, forests }: Model, { factors, functions }: ModelError, version: string): Model {
  const scaled = { ...forests } as Record<ModelTarget, FlatForest>;
  for (const target of MODEL_TARGETS) scaled[target] = scaledForest(forests[target], target, factors[target] ?? 1, functions);
  const { layout, sha256 } = encodeForests(scaled as Forests);
  const { calibration: _measured, seal: _seal, ...rest } = document;
  return { document: sealed({ ...rest, version, layout, sha256 }), forests: scaled };
}

/**
 * Every tree gets a new root above two copies of itself for each function that errs, so that only its predictions change; where all
 * err, the leaves alone do.
 */
function scaledForest(forest: FlatForest, target: ModelTarget, factor: number, functions: readonly number[] | undefined): FlatForest {
  if (factor === 1) return forest;
  const wrong = forest.value.map((value) => value * factor);
  if (!functions) return { ...forest, value: wrong };
  const functionFeature = MODEL_FEATURES[target].indexOf("functionIndex" as never);
  return functions.reduce((right, index) => joined(right, { ...forest, value: wrong }, functionFeature, index), forest);
}

/** Asks `wrong` where the feature equals the whole number `index`, else `right`. Both have as many trees; links lead forward. */
function joined(right: FlatForest, wrong: FlatForest, feature: number, index: number): FlatForest {
  const trees = right.roots.length;
  const rightFrom = 2 * trees;
  const wrongFrom = rightFrom + right.feature.length;
  // Two nodes for each tree: `feature < index` goes right, and of the others `feature < index + 1` goes wrong.
  const gates = Array.from({ length: trees }, (_, tree) => {
    const rightRoot = (right.roots[tree] as number) + rightFrom;
    const wrongRoot = (wrong.roots[tree] as number) + wrongFrom;
    return { threshold: [index, index + 1], left: [rightRoot, wrongRoot], right: [2 * tree + 1, rightRoot] };
  });
  const links = (side: "left" | "right") => {
    const shifted = [...right[side].map((link) => link + rightFrom), ...wrong[side].map((link) => link + wrongFrom)];
    return Int32Array.from([...gates.flatMap((gate) => gate[side]), ...shifted]);
  };
  return {
    roots: Int32Array.from({ length: trees }, (_, tree) => 2 * tree),
    feature: Int32Array.from([...gates.flatMap(() => [feature, feature]), ...right.feature, ...wrong.feature]),
    threshold: Float64Array.from([...gates.flatMap((gate) => gate.threshold), ...right.threshold, ...wrong.threshold]),
    left: links("left"),
    right: links("right"),
    value: Float64Array.from([...gates.flatMap(() => [0, 0]), ...right.value, ...wrong.value]),
  };
}
