/**
 * Inference time of the full chain: for each of 8 functions the input size, then CPU, memory and work from it, every forest of
 * 100 trees, one model asked in each of the ways. All answers are compared with the library's own.
 */
import { type Clock, type FlatForest, meanOf, predictTrees, seededRng } from "@openwhisk-harvest/core";
import { forestOf, type StepForest, stepForestOf, stepMean, stepPrediction } from "../step-forest.js";
import { fit, flatten } from "../train/ml-random-forest-fit.js";
import type { LibraryForest } from "../train/ml-random-forest-library.js";
import { benchRows, type Spread, spreadOf } from "./bench-data.js";
import { runScikitLearn } from "./scikit-learn.js";

export interface BenchInference {
  readonly clock: Clock;
  readonly functions?: number;
  readonly trees?: number;
  /** Rows of the training data, over all functions. */
  readonly rows?: number;
  /** Chains timed, one by one, after as many to warm up. */
  readonly chains?: number;
  readonly seed?: number;
  readonly python?: string;
}

export interface InferenceEntry {
  readonly name: string;
  /** Why it was not measured. */
  readonly unavailable?: string;
  /** Of one full chain. */
  readonly chainUs?: Spread;
  /** Largest difference to the library's own answers, in the unit of the target; absent for another model. */
  readonly maxDifference?: number;
}

export interface InferenceReport {
  readonly functions: number;
  /** Per chain: four per function. */
  readonly predictions: number;
  readonly trees: number;
  readonly nodes: number;
  /** Laying out the steps of all functions, once per model. */
  readonly layOutMs: number;
  readonly entries: readonly InferenceEntry[];
}

/** What one way of asking says of a chain: four numbers per function. */
type Chain = (dagInputBytes: number, answers: Float64Array) => void;

/** The first forest stands for ML1, the other three for ML2. */
const FORESTS = 4;
const ML2 = [1, 2, 3] as const;

export async function benchInference(task: BenchInference): Promise<InferenceReport> {
  const { clock, functions = 8, trees = 100, rows = 200, chains = 2_000, seed = 1, python = "python3" } = task;
  const train = benchRows(rows, functions, seed);
  // Sizes in, sizes out: the answers of the first forest are sizes that the others were trained for.
  const sizes = { x: train.x, y: train.x.map(([bytes, f]) => (bytes as number) / (1 + (f as number))) };
  const library = Array.from({ length: FORESTS }, (_, i) => fit(i === 0 ? sizes : train, { trees, seed: seed + i }));
  const flat = library.map(flatten);
  const startedMs = clock.monotonicMs();
  const stepsChain = chainOfSteps(flat, functions);
  const layOutMs = clock.monotonicMs() - startedMs;

  const rng = seededRng(seed + 9);
  const inputs = Float64Array.from({ length: chains }, () => 10_000 * 100 ** rng.next());
  const expected = answersOf(chainOfLibrary(library, functions), inputs, functions);
  const measure = (name: string, chain: Chain): InferenceEntry => ({
    name,
    chainUs: timeChain(chain, inputs, functions, clock),
    maxDifference: largestDifference(answersOf(chain, inputs, functions), expected),
  });
  const entries = [
    measure("ml-random-forest", chainOfLibrary(library, functions)),
    measure("flattened", chainOfFlat(flat, functions)),
    measure("steps", stepsChain),
  ];
  const predictions = functions * FORESTS;
  const peer = await runScikitLearn({ python, train, test: train, trees, seed, repeats: 1, predictions: 200 });
  if ("unavailable" in peer) entries.push({ name: "scikit-learn", unavailable: peer.unavailable });
  else entries.push({ name: `scikit-learn ${peer.version}`, chainUs: spreadOf(peer.predictUs.map((us) => us * predictions)) });
  return { functions, predictions, trees, nodes: flat.reduce((sum, f) => sum + f.feature.length, 0), layOutMs, entries };
}

function chainOfLibrary(forests: readonly LibraryForest[], functions: number): Chain {
  const ask = (i: number, bytes: number, f: number) => (forests[i] as LibraryForest).predict([[bytes, f]])[0] as number;
  return (dagInputBytes, answers) => {
    for (let f = 0; f < functions; f++) {
      const bytes = ask(0, dagInputBytes, f);
      answers[f * FORESTS] = bytes;
      for (const i of ML2) answers[f * FORESTS + i] = ask(i, bytes, f);
    }
  };
}

function chainOfFlat(forests: readonly FlatForest[], functions: number): Chain {
  const perTree = new Float64Array((forests[0] as FlatForest).roots.length);
  const ask = (i: number, bytes: number, f: number) => meanOf(predictTrees(forests[i] as FlatForest, [bytes, f], perTree));
  return (dagInputBytes, answers) => {
    for (let f = 0; f < functions; f++) {
      const bytes = ask(0, dagInputBytes, f);
      answers[f * FORESTS] = bytes;
      for (const i of ML2) answers[f * FORESTS + i] = ask(i, bytes, f);
    }
  };
}

/** With the spread of every prediction, and the work of every tree, as a decision needs them. */
function chainOfSteps(forests: readonly FlatForest[], functions: number): Chain {
  const own = Array.from({ length: functions }, (_, f) => forests.map((forest) => stepForestOf(forest, [Number.NaN, f], 0)));
  const work = Array.from({ length: functions }, (_, f) => forestOf(forests[3] as FlatForest, [Number.NaN, f], 0));
  const perTree = new Float64Array((forests[0] as FlatForest).roots.length);
  return (dagInputBytes, answers) => {
    for (let f = 0; f < functions; f++) {
      const steps = own[f] as readonly StepForest[];
      const bytes = stepMean(steps[0] as StepForest, dagInputBytes);
      answers[f * FORESTS] = bytes;
      for (const i of [1, 2] as const) answers[f * FORESTS + i] = stepPrediction(steps[i] as StepForest, bytes).mean;
      answers[f * FORESTS + 3] = meanOf(predictTrees(work[f] as FlatForest, [bytes, f], perTree));
    }
  };
}

function timeChain(chain: Chain, inputs: Float64Array, functions: number, clock: Clock): Spread {
  const answers = new Float64Array(functions * FORESTS);
  for (const bytes of inputs) chain(bytes, answers);
  const times: number[] = [];
  for (const bytes of inputs) {
    const startedMs = clock.monotonicMs();
    chain(bytes, answers);
    times.push((clock.monotonicMs() - startedMs) * 1_000);
  }
  return spreadOf(times);
}

function answersOf(chain: Chain, inputs: Float64Array, functions: number): Float64Array[] {
  return Array.from(inputs, (bytes) => {
    const answers = new Float64Array(functions * FORESTS);
    chain(bytes, answers);
    return answers;
  });
}

function largestDifference(a: readonly Float64Array[], b: readonly Float64Array[]): number {
  let largest = 0;
  for (const [i, own] of a.entries())
    for (const [j, value] of own.entries()) largest = Math.max(largest, Math.abs(value - (b[i]?.[j] as number)));
  return largest;
}
