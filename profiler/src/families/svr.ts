/**
 * Support vector regression with `libsvm-js` 0.2.1: libsvm itself, compiled; equal to scikit-learn's. Not kept (its last release of
 * the code is of 2018), so it serves comparison only: a development dependency, loaded when it is installed.
 */
import { createRequire } from "node:module";
import { messageOf } from "@openwhisk-harvest/core";
import { requireTrainable } from "../train/trainer.js";
import type { Regressor } from "./regressor.js";
import { type ScaledRows, scaleRows } from "./scaling.js";

/** The asm.js build: the wasm one, ten times as fast, writes to stderr while it loads. */
const PACKAGE = "libsvm-js/asm";

interface Svm {
  train(x: readonly (readonly number[])[], y: readonly number[]): void;
  predictOne(x: readonly number[]): number;
  /** The rows of the training data that became support vectors. */
  getSVIndices(): number[];
  /** libsvm's text format. */
  serializeModel(): string;
  free(): void;
}

type SvmClass = (new (
  options: Readonly<Record<string, unknown>>,
) => Svm) & {
  readonly SVM_TYPES: { readonly EPSILON_SVR: unknown };
  readonly KERNEL_TYPES: { readonly RBF: unknown };
};

async function load(): Promise<SvmClass> {
  return (await createRequire(import.meta.url)(PACKAGE)) as SvmClass;
}

/** On scaled data. The cost is above scikit-learn's default of 1, which underfits steps. */
const COST = 10;
const EPSILON = 0.1;

export const supportVectorRegression: Regressor = {
  name: "SVR",
  method: `libsvm, RBF kernel, C ${COST}, epsilon ${EPSILON}, on scaled data`,
  async unavailable() {
    try {
      await load();
      return undefined;
    } catch (error) {
      return `libsvm-js cannot be loaded: ${messageOf(error).split("\n")[0]}`;
    }
  },
  async fit(rows, options) {
    requireTrainable(rows, options);
    const Svm = await load();
    const scaled = scaleRows(rows);
    const gamma = 1 / (rows.x[0] as readonly number[]).length;
    const svm = new Svm({
      type: Svm.SVM_TYPES.EPSILON_SVR,
      kernel: Svm.KERNEL_TYPES.RBF,
      gamma,
      cost: COST,
      epsilon: EPSILON,
      quiet: true,
    });
    try {
      svm.train(scaled.x, scaled.y);
      const decide = decisionFunction(svm, scaled, gamma);
      return (x) => scaled.unscaleY(decide(scaled.scaleX(x)));
    } finally {
      svm.free(); // its memory is not the garbage collector's
    }
  },
};

/** The sum of kernels, taken out of libsvm's memory. The text holds the coefficients to 16 digits; the offset is computed anew, as it has only 6. */
function decisionFunction(svm: Svm, { x }: ScaledRows, gamma: number): (at: readonly number[]) => number {
  const [, vectorLines = ""] = svm.serializeModel().split("\nSV\n");
  const coefficients = vectorLines.split("\n").flatMap((line) => (line === "" ? [] : Number.parseFloat(line)));
  const vectors = svm.getSVIndices().map((row) => x[row] as readonly number[]);
  const kernels = (at: readonly number[]) =>
    vectors.reduce((sum, vector, i) => sum + (coefficients[i] as number) * Math.exp(-gamma * squaredDistance(vector, at)), 0);
  const first = x[0] as readonly number[];
  const offset = svm.predictOne(first) - kernels(first);
  return (at) => kernels(at) + offset;
}

function squaredDistance(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, f) => sum + (value - (b[f] as number)) ** 2, 0);
}
