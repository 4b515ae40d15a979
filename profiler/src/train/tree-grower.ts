/**
 * Grows exact CART regression trees on typed arrays: every feature tried at every split, the split that lowers the sum of squared
 * errors most, until a node is pure, too small or too deep. All columns are sorted once; a node is a range of these orders, and a
 * split parts each of them without sorting again.
 */
import type { FlatBuilder } from "./flat-builder.js";
import type { TrainingRows } from "./trainer.js";

/** Columns and targets of the dataset, and its rows' ascending order by each column. */
export interface Table {
  readonly rows: number;
  readonly columns: readonly Float64Array[];
  readonly y: Float64Array;
  readonly orders: readonly Int32Array[];
}

export interface TreeShape {
  /** Fewest drawn rows in a leaf. */
  readonly minLeafRows: number;
  /** Splits between the root and a leaf; unlimited when absent. */
  readonly maxDepth?: number;
  /** A leaf of n rows says n / (n + ridge) of their mean: XGBoost's lambda. 0 when absent. */
  readonly ridge?: number;
  /** What leaves are multiplied by: XGBoost's eta. 1 when absent. */
  readonly shrinkage?: number;
}

export function tableOf({ x, y }: TrainingRows): Table {
  const columns = Array.from({ length: x[0]?.length ?? 0 }, (_, f) => Float64Array.from(x, (row) => row[f] as number));
  const orders = columns.map((column) => Int32Array.from(column.keys()).sort((a, b) => (column[a] as number) - (column[b] as number)));
  return { rows: x.length, columns, y: Float64Array.from(y), orders };
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

export class TreeGrower {
  readonly #goesLeft: Uint8Array;
  readonly #spare: Int32Array;

  constructor(
    readonly table: Table,
    readonly weight: Uint32Array,
    /** Rows of this tree in the order of each column; rows [from, to) of every order are the same set, a node. */
    readonly orders: readonly Int32Array[],
    readonly builder: FlatBuilder,
    readonly shape: TreeShape,
  ) {
    this.#goesLeft = new Uint8Array(table.rows);
    this.#spare = new Int32Array(table.rows);
  }

  /** Writes the subtree of the rows [from, to) and returns its node. Recursion ends: both sides of a split are smaller. */
  grow(from: number, to: number, depth = 0): number {
    const { minLeafRows, maxDepth = Number.POSITIVE_INFINITY, ridge = 0, shrinkage = 1 } = this.shape;
    const sums = this.#sums(from, to);
    const split = sums.pure || depth >= maxDepth || sums.weight < 2 * minLeafRows ? undefined : this.#bestSplit(from, to, sums);
    if (!split) return this.builder.leaf(sums.mean * (sums.weight / (sums.weight + ridge)) * shrinkage);
    this.#part(from, to, split);
    const node = this.builder.split(split.feature, split.threshold);
    const middle = from + split.leftRows;
    this.builder.link(node, this.grow(from, middle, depth + 1), this.grow(middle, to, depth + 1));
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
    const { minLeafRows } = this.shape;
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
        if (low === high || left < minLeafRows || total - left < minLeafRows) continue;
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
