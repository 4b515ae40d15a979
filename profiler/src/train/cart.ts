/**
 * A random forest of exact CART regression trees on typed arrays: bootstrap per tree, every feature tried at every split, the
 * split that lowers the sum of squared errors most, until a node is pure or too small. All columns are sorted once; a node is
 * a range of these orders, and a split parts each of them without sorting again.
 */
import { type FlatForest, type Rng, seededRng } from "@openwhisk-harvest/core";
import { FlatBuilder } from "./flat-builder.js";
import { requireTrainable, type Trainer, type TrainingRows } from "./trainer.js";

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

/** Columns and targets of the dataset, and its rows' ascending order by each column. */
interface Table {
  readonly rows: number;
  readonly columns: readonly Float64Array[];
  readonly y: Float64Array;
  readonly orders: readonly Int32Array[];
}

function growForest(rows: TrainingRows, trees: number, rng: Rng): FlatForest {
  const table = tableOf(rows);
  const builder = new FlatBuilder();
  for (let tree = 0; tree < trees; tree++) {
    builder.startTree();
    const weight = bootstrap(table.rows, rng);
    const orders = table.orders.map((order) => order.filter((row) => weight[row] !== 0));
    const grower = new TreeGrower(table, weight, orders, builder);
    grower.grow(0, orders[0]?.length ?? 0);
  }
  return builder.build();
}

function tableOf({ x, y }: TrainingRows): Table {
  const columns = Array.from({ length: x[0]?.length ?? 0 }, (_, f) => Float64Array.from(x, (row) => row[f] as number));
  const orders = columns.map((column) => Int32Array.from(column.keys()).sort((a, b) => (column[a] as number) - (column[b] as number)));
  return { rows: x.length, columns, y: Float64Array.from(y), orders };
}

/** How often each row is drawn when as many are drawn, with replacement, as there are. */
function bootstrap(rows: number, rng: Rng): Uint32Array {
  const weight = new Uint32Array(rows);
  for (let i = 0; i < rows; i++) (weight[Math.floor(rng.next() * rows)] as number)++;
  return weight;
}

interface Split {
  readonly feature: number;
  readonly threshold: number;
  /** Distinct rows that go left. */
  readonly leftRows: number;
}

interface NodeSums {
  readonly weight: number;
  readonly mean: number;
  readonly pure: boolean;
}

class TreeGrower {
  readonly #goesLeft: Uint8Array;
  readonly #spare: Int32Array;

  constructor(
    readonly table: Table,
    readonly weight: Uint32Array,
    /** Rows of this tree in the order of each column; rows [from, to) of every order are the same set, a node. */
    readonly orders: readonly Int32Array[],
    readonly builder: FlatBuilder,
  ) {
    this.#goesLeft = new Uint8Array(table.rows);
    this.#spare = new Int32Array(table.rows);
  }

  /** Writes the subtree of the rows [from, to) and returns its node. Recursion ends: both sides of a split are smaller. */
  grow(from: number, to: number): number {
    const sums = this.#sums(from, to);
    const split = sums.pure || sums.weight < 2 * MIN_LEAF_ROWS ? undefined : this.#bestSplit(from, to, sums);
    if (!split) return this.builder.leaf(sums.mean);
    this.#part(from, to, split);
    const node = this.builder.split(split.feature, split.threshold);
    const middle = from + split.leftRows;
    this.builder.link(node, this.grow(from, middle), this.grow(middle, to));
    return node;
  }

  #sums(from: number, to: number): NodeSums {
    const { y } = this.table;
    const order = this.orders[0] as Int32Array;
    const first = y[order[from] as number] as number;
    let weight = 0;
    let offset = 0; // sums of differences keep large targets of small spread exact
    let pure = true;
    for (let i = from; i < to; i++) {
      const row = order[i] as number;
      const difference = (y[row] as number) - first;
      if (difference !== 0) pure = false;
      weight += this.weight[row] as number;
      offset += (this.weight[row] as number) * difference;
    }
    return { weight, mean: first + offset / weight, pure };
  }

  /**
   * Lowering the squared error is raising sumL^2 / nL + sumR^2 / nR, where the sums are of targets less the node's mean: these
   * add up to 0, so the gain is sumL^2 (1 / nL + 1 / nR). Ties go to the first feature and the lowest threshold.
   */
  #bestSplit(from: number, to: number, { weight: total, mean }: NodeSums): Split | undefined {
    const { y, columns } = this.table;
    let best: Split | undefined;
    let bestGain = 0;
    for (const [feature, column] of columns.entries()) {
      const order = this.orders[feature] as Int32Array;
      let left = 0;
      let sum = 0;
      for (let i = from; i < to - 1; i++) {
        const row = order[i] as number;
        const w = this.weight[row] as number;
        left += w;
        sum += w * ((y[row] as number) - mean);
        const low = column[row] as number;
        const high = column[order[i + 1] as number] as number;
        if (low === high || left < MIN_LEAF_ROWS || total - left < MIN_LEAF_ROWS) continue;
        const gain = sum * sum * (1 / left + 1 / (total - left));
        if (gain <= bestGain) continue;
        bestGain = gain;
        best = { feature, threshold: between(low, high), leftRows: i - from + 1 };
      }
    }
    return best;
  }

  /** Rows that go left first, in each order, the orders otherwise kept. */
  #part(from: number, to: number, { feature, leftRows }: Split): void {
    const decided = this.orders[feature] as Int32Array;
    for (let i = from; i < to; i++) this.#goesLeft[decided[i] as number] = i < from + leftRows ? 1 : 0;
    for (const order of this.orders) {
      let left = from;
      let right = 0;
      for (let i = from; i < to; i++) {
        const row = order[i] as number;
        if (this.#goesLeft[row] === 1) order[left++] = row;
        else this.#spare[right++] = row;
      }
      order.set(this.#spare.subarray(0, right), left);
    }
  }
}

/** A threshold t with low < t <= high, so that `x < t` parts them even when they are neighbours among the floating-point numbers. */
function between(low: number, high: number): number {
  const middle = low + (high - low) / 2;
  return middle > low ? middle : high;
}
