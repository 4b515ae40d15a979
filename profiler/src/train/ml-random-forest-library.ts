/**
 * As much of ml-random-forest 2.1.0, and of the ml-cart 2.1.1 beneath it, as we use. The types that it ships do not compile, so
 * the package is loaded past them.
 */
import { createRequire } from "node:module";

export interface CartNode {
  readonly left?: CartNode;
  readonly right?: CartNode;
  /** Column of the tree's own columns, see `indexes`. */
  readonly splitColumn?: number;
  readonly splitValue?: number;
  /** Mean of a leaf. */
  readonly distribution?: number;
}

export interface LibraryOptions {
  readonly nEstimators: number;
  /** 32 bits. */
  readonly seed: number;
  readonly maxFeatures: number;
  readonly replacement: boolean;
  readonly useSampleBagging: boolean;
  readonly noOOB: boolean;
  readonly treeOptions: { readonly gainThreshold: number; readonly minNumSamples: number };
}

export interface LibraryForest {
  readonly estimators: readonly { readonly root: CartNode }[];
  /** Per tree: the dataset's feature behind each of the tree's columns. */
  readonly indexes: readonly (readonly number[])[];
  train(x: readonly (readonly number[])[], y: readonly number[]): void;
  predict(x: readonly (readonly number[])[]): number[];
}

interface Library {
  readonly RandomForestRegression: new (options: LibraryOptions) => LibraryForest;
}

export const { RandomForestRegression } = createRequire(import.meta.url)("ml-random-forest") as Library;
