/** Ordinary least squares. Ours, since it is thirty lines; `ml-regression-multivariate-linear` computes the same with ml-matrix. */
import { requireTrainable } from "../train/trainer.js";
import type { Regressor } from "./regressor.js";
import { type ScaledRows, scaleRows } from "./scaling.js";

/** Against scaled columns: columns that say the same share their weight instead of being divided by zero. */
const RIDGE = 1e-9;

export const linearRegression: Regressor = {
  name: "LinearRegression",
  method: "ordinary least squares",
  async fit(rows, options) {
    requireTrainable(rows, options);
    const scaled = scaleRows(rows);
    const weights = solve(normalEquations(scaled));
    return (x) => scaled.unscaleY(scaled.scaleX(x).reduce((sum, value, f) => sum + value * (weights[f] as number), 0));
  },
};

/** X'X + ridge, with X'y as its last column. No intercept: everything is centred. */
function normalEquations({ x, y }: ScaledRows): number[][] {
  const features = (x[0] as readonly number[]).length;
  return Array.from({ length: features }, (_, a) => {
    const row = new Array<number>(features + 1).fill(0);
    row[a] = RIDGE * x.length;
    for (const [i, values] of x.entries()) {
      for (let b = 0; b < features; b++) (row[b] as number) += (values[a] as number) * (values[b] as number);
      (row[features] as number) += (values[a] as number) * (y[i] as number);
    }
    return row;
  });
}

/** Gauss-Jordan elimination; the ridge keeps every pivot of the symmetric matrix above zero. */
function solve(matrix: number[][]): number[] {
  for (const [p, pivotRow] of matrix.entries()) {
    const pivot = pivotRow[p] as number;
    for (const row of matrix) {
      if (row === pivotRow) continue;
      const factor = (row[p] as number) / pivot;
      for (let c = p; c < row.length; c++) (row[c] as number) -= factor * (pivotRow[c] as number);
    }
  }
  return matrix.map((row, p) => (row.at(-1) as number) / (row[p] as number));
}
