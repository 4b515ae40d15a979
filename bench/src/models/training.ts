/**
 * Training time and error: ml-random-forest's own, our exact CART, and scikit-learn where it is installed; same rows,
 * one run.
 */
import { type Clock, meanOf, predictTrees } from "@openwhisk-harvest/core";
import { cartTrainer, fitLibraryForest, type TrainingRows } from "@openwhisk-harvest/profiler";
import { benchRows, meanAbsoluteError, type Spread, spreadOf } from "./data.js";
import { runScikitLearn } from "./scikit-learn.js";

export interface BenchTraining {
  readonly clock: Clock;
  /** Up to 500, which is where the library's rows are capped (forest-fit.F6). */
  readonly rowCounts?: readonly number[];
  readonly trees?: number;
  readonly repeats?: number;
  readonly seed?: number;
  readonly python?: string;
}

export interface TrainingEntry {
  readonly name: string;
  readonly rows: number;
  /** Why it was not measured. */
  readonly unavailable?: string;
  readonly trainMs?: Spread;
  /** On 1,000 other rows, in MB. */
  readonly meanAbsoluteError?: number;
}

const FUNCTIONS = 4;
const TEST_ROWS = 1_000;

export async function benchTraining(task: BenchTraining): Promise<TrainingEntry[]> {
  const { rowCounts = [200, 500], seed = 1 } = task;
  const entries: TrainingEntry[] = [];
  for (const rows of rowCounts) {
    const train = benchRows(rows, FUNCTIONS, seed);
    entries.push(...(await benchRowCount(task, train, benchRows(TEST_ROWS, FUNCTIONS, seed + 1))));
  }
  return entries;
}

async function benchRowCount(task: BenchTraining, train: TrainingRows, test: TrainingRows): Promise<TrainingEntry[]> {
  const { trees = 100, repeats = 5, seed = 1, python = "python3", clock } = task;
  const rows = train.y.length;
  const measure = async (name: string, fitOnce: () => Promise<(x: readonly number[]) => number>): Promise<TrainingEntry> => {
    const times: number[] = [];
    let predict = await fitOnce(); // warms the code up
    for (let i = 0; i < repeats; i++) {
      const startedMs = clock.monotonicMs();
      predict = await fitOnce();
      times.push(clock.monotonicMs() - startedMs);
    }
    return { name, rows, trainMs: spreadOf(times), meanAbsoluteError: meanAbsoluteError(predict, test) };
  };
  const library = await measure("ml-random-forest", async () => {
    const forest = fitLibraryForest(train, { trees, seed });
    return (x) => forest.predict([[...x]])[0] as number;
  });
  const cart = await measure("cart", async () => {
    const forest = await cartTrainer.train(train, { trees, seed });
    return (x) => meanOf(predictTrees(forest, x));
  });
  const peer = await runScikitLearn({ python, train, test, trees, seed, repeats, predictions: 0 });
  if ("unavailable" in peer) return [library, cart, { name: "scikit-learn", rows, unavailable: peer.unavailable }];
  const { version, trainMs, meanAbsoluteError: error } = peer;
  return [library, cart, { name: `scikit-learn ${version}`, rows, trainMs: spreadOf(trainMs), meanAbsoluteError: error }];
}
