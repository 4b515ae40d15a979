/** The three families that are made of trees, all grown by the same exact grower. */
import { meanOf, predictTree, predictTrees } from "@openwhisk-harvest/core";
import { cartTrainer } from "../train/cart.js";
import { FlatBuilder } from "../train/flat-builder.js";
import { mlRandomForestTrainer } from "../train/ml-random-forest.js";
import { requireTrainable, type TrainingRows } from "../train/trainer.js";
import { TreeGrower, type TreeShape, tableOf } from "../train/tree-grower.js";
import type { Predict, Regressor } from "./regressor.js";

/** Our default: what `harvest train` trains. */
export const randomForest: Regressor = {
  name: "RandomForest",
  method: "bootstrapped exact CART trees, the default trainer",
  async fit(rows, options) {
    const forest = await cartTrainer.train(rows, options);
    return (x) => meanOf(predictTrees(forest, x));
  },
};

/** The kept library's forest, with our guards (train/ml-random-forest-fit.ts): the other trainer of `harvest train`. */
export const libraryForest: Regressor = {
  name: "ml-random-forest",
  method: "the npm library's random forest, the other trainer",
  async fit(rows, options) {
    const forest = await mlRandomForestTrainer.train(rows, options);
    return (x) => meanOf(predictTrees(forest, x));
  },
};

export const decisionTree: Regressor = {
  name: "DecisionTree",
  method: "one exact CART tree of all rows",
  async fit(rows, options) {
    requireTrainable(rows, options);
    return growTree(rows, { minLeafRows: 2 });
  },
};

/** XGBoost's own defaults, but for the smaller step with more rounds that tables of a few hundred rows want. */
const BOOSTING: TreeShape = { minLeafRows: 1, maxDepth: 6, ridge: 1, shrinkage: 0.1 };
const ROUNDS = 200;

/**
 * Gradient boosting for squared loss, where a gradient is a residual: each tree is grown on what the trees before it left over.
 * `ml-xgboost`, the only port of XGBoost, has had no release since 2018.
 */
export const gradientBoosting: Regressor = {
  name: "XGBoost",
  method: `gradient boosting, ${ROUNDS} exact trees of depth ${BOOSTING.maxDepth}, eta ${BOOSTING.shrinkage}, lambda ${BOOSTING.ridge}`,
  async fit(rows, options) {
    requireTrainable(rows, options);
    const base = meanOf(rows.y);
    const residuals = rows.y.map((y) => y - base);
    const trees: Predict[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const tree = growTree({ x: rows.x, y: residuals }, BOOSTING);
      for (const [i, x] of rows.x.entries()) (residuals[i] as number) -= tree(x);
      trees.push(tree);
    }
    return (x) => trees.reduce((sum, tree) => sum + tree(x), base);
  },
};

function growTree(rows: TrainingRows, shape: TreeShape): Predict {
  const table = tableOf(rows);
  const builder = new FlatBuilder();
  builder.startTree();
  new TreeGrower(table, new Uint32Array(table.rows).fill(1), table.orders, builder, shape).grow(0, table.rows);
  const tree = builder.build();
  return (x) => predictTree(tree, 0, x);
}
