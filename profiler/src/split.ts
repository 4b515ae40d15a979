/** The 80/20 split of the paper (4.3), by composition run: rows of one run never stand on both sides, or the test would know the answers. */
import { HarvestError, type Rng, seededRng } from "@openwhisk-harvest/core";
import { type Dataset, datasetOfRoots } from "./dataset.js";

/** Share of the composition runs that test. */
const TEST_SHARE = 0.2;

/** Parts the dataset; at least one run trains and one tests. OWH_BAD_DATASET with fewer than two runs. */
export function splitByRun(dataset: Dataset, seed: number): { train: Dataset; test: Dataset } {
  const runs = dataset.roots.length;
  if (runs < 2)
    throw new HarvestError("OWH_BAD_DATASET", `A model is trained on some composition runs and tested on others; there are only ${runs}.`);
  const order = shuffled(dataset.roots, seededRng(seed));
  const testRuns = Math.max(1, Math.round(runs * TEST_SHARE));
  return {
    test: datasetOfRoots(dataset, new Set(order.slice(0, testRuns))),
    train: datasetOfRoots(dataset, new Set(order.slice(testRuns))),
  };
}

/** Fisher and Yates. */
export function shuffled<T>(values: readonly T[], rng: Rng): T[] {
  const order = [...values];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(rng.next() * (i + 1));
    [order[i], order[j]] = [order[j] as T, order[i] as T];
  }
  return order;
}
