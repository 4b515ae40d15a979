/**
 * A random forest of exact CART regression trees: bootstrap per tree, every feature tried at every split (tree-grower.ts).
 */
import { type FlatForest, type Rng, seededRng } from "@openwhisk-harvest/core";
import { FlatBuilder } from "./flat-builder.js";
import { requireTrainable, type Trainer, type TrainingRows } from "./trainer.js";
import { TreeGrower, tableOf } from "./tree-grower.js";

/** Fewest drawn rows in a leaf. One would give every outlier its own leaf; profiles of one input size are few. */
const MIN_LEAF_ROWS = 2;

export const cartTrainer: Trainer = {
  name: "cart",
  // An async function, so that refusals reject as the port says.
  async train(rows, { trees, seed }) {
    requireTrainable(rows, { trees, seed });
    return growForest(rows, trees, seededRng(seed));
  },
};

function growForest(rows: TrainingRows, trees: number, rng: Rng): FlatForest {
  const table = tableOf(rows);
  const builder = new FlatBuilder();
  for (let tree = 0; tree < trees; tree++) {
    builder.startTree();
    const weight = bootstrap(table.rows, rng);
    const orders = table.orders.map((order) => order.filter((row) => weight[row] !== 0));
    const grower = new TreeGrower(table, weight, orders, builder, { minLeafRows: MIN_LEAF_ROWS });
    grower.grow(0, orders[0]?.length ?? 0);
  }
  return builder.build();
}

/** How often each row is drawn when as many are drawn, with replacement, as there are. */
function bootstrap(rows: number, rng: Rng): Uint32Array {
  const weight = new Uint32Array(rows);
  for (let i = 0; i < rows; i++) (weight[Math.floor(rng.next() * rows)] as number)++;
  return weight;
}
