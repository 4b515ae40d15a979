import { type FlatForest, MODEL_FEATURES, type ModelTarget } from "@openwhisk-harvest/core";

/**
 * A forest that knows functions by their index alone: tree t predicts `values[index][t]`. Each tree is a chain of tests
 * `functionIndex < i + 0.5`.
 */
export function forestByFunction(target: ModelTarget, values: readonly (readonly number[])[]): FlatForest {
  const indexFeature = (MODEL_FEATURES[target] as readonly string[]).indexOf("functionIndex");
  const trees = values[0]?.length ?? 0;
  const nodesPerTree = 2 * values.length - 1;
  const nodes = trees * nodesPerTree;
  const forest: FlatForest = {
    roots: Int32Array.from({ length: trees }, (_, tree) => tree * nodesPerTree),
    feature: new Int32Array(nodes).fill(-1),
    threshold: new Float64Array(nodes),
    left: new Int32Array(nodes),
    right: new Int32Array(nodes),
    value: new Float64Array(nodes),
  };
  for (let tree = 0; tree < trees; tree++)
    for (let i = 0; i < values.length; i++) {
      const node = tree * nodesPerTree + 2 * i;
      const isLast = i === values.length - 1;
      const leaf = isLast ? node : node + 1;
      forest.value[leaf] = values[i]?.[tree] as number;
      if (isLast) continue;
      forest.feature[node] = indexFeature;
      forest.threshold[node] = i + 0.5;
      forest.left[node] = leaf;
      forest.right[node] = node + 2;
    }
  return forest;
}
