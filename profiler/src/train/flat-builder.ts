/** Writes trees into the arrays of a FlatForest, parents before children as core's validateForest demands. */
import type { FlatForest } from "@openwhisk-harvest/core";

export class FlatBuilder {
  readonly #roots: number[] = [];
  readonly #feature: number[] = [];
  readonly #threshold: number[] = [];
  readonly #left: number[] = [];
  readonly #right: number[] = [];
  readonly #value: number[] = [];

  /** The next node written is the root of a new tree. */
  startTree(): void {
    this.#roots.push(this.#feature.length);
  }

  leaf(value: number): number {
    return this.#push(-1, 0, value);
  }

  /** A node that tests `x[feature] < threshold`; its children are linked once they are written. */
  split(feature: number, threshold: number): number {
    return this.#push(feature, threshold, 0);
  }

  link(node: number, left: number, right: number): void {
    this.#left[node] = left;
    this.#right[node] = right;
  }

  build(): FlatForest {
    return {
      roots: Int32Array.from(this.#roots),
      feature: Int32Array.from(this.#feature),
      threshold: Float64Array.from(this.#threshold),
      left: Int32Array.from(this.#left),
      right: Int32Array.from(this.#right),
      value: Float64Array.from(this.#value),
    };
  }

  #push(feature: number, threshold: number, value: number): number {
    this.#left.push(-1);
    this.#right.push(-1);
    this.#threshold.push(threshold);
    this.#value.push(value);
    return this.#feature.push(feature) - 1;
  }
}
