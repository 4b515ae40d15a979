/**
 * Inference time of the full chain: for each of 8 functions the input size, then CPU and memory from it, every forest of 100
 * trees, one model asked in each of the ways. All answers are compared with the library's own. What a decision asks in addition
 * (the work of every tree, bands, runs near, reasons not to trust) is timed apart.
 */
import {
  type Clock,
  encodeForests,
  type FlatForest,
  type Forests,
  layOutNext,
  MODEL_FORMAT,
  type Model,
  meanOf,
  PAPER_GRID,
  predictCalibrated,
  predictTrees,
  type StepForest,
  seededRng,
  stepForestOf,
  stepMean,
} from "@openwhisk-harvest/core";
import { fitLibraryForest, flattenLibraryForest, type LibraryForest } from "@openwhisk-harvest/profiler";
import { benchRows, type Spread, spreadOf } from "./data.js";
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
  /** Per chain: three per function. */
  readonly predictions: number;
  readonly trees: number;
  readonly nodes: number;
  /** Laying out the steps of one forest of one function, on average. */
  readonly layOutMs: number;
  readonly entries: readonly InferenceEntry[];
}

/** What one way of asking says of a chain: three numbers per function. */
type Chain = (dagInputBytes: number, answers: Float64Array) => void;

/** One way of asking one forest. */
type Ask = (target: (typeof TARGETS)[number], bytes: number, f: number) => number;

const TARGETS = ["inputBytes", "cpuCores", "memoryMb"] as const;

export async function benchInference(task: BenchInference): Promise<InferenceReport> {
  const { clock, functions = 8, trees = 100, rows = 200, chains = 2_000, seed = 1, python = "python3" } = task;
  const train = benchRows(rows, functions, seed);
  // Sizes in, sizes out: the answers of ML1 are sizes that the others were trained for.
  const sizes = { x: train.x, y: train.x.map(([bytes, f]) => (bytes as number) / (1 + (f as number))) };
  const library = {
    inputBytes: fitLibraryForest(sizes, { trees, seed }),
    cpuCores: fitLibraryForest(train, { trees, seed: seed + 1 }),
    memoryMb: fitLibraryForest(train, { trees, seed: seed + 2 }),
  };
  const flat = {
    inputBytes: flattenLibraryForest(library.inputBytes),
    cpuCores: flattenLibraryForest(library.cpuCores),
    memoryMb: flattenLibraryForest(library.memoryMb),
  };
  const startedMs = clock.monotonicMs();
  const steps = chainOf(askSteps(flat, functions), functions);
  const layOutMs = (clock.monotonicMs() - startedMs) / (functions * TARGETS.length);

  const rng = seededRng(seed + 9);
  const inputs = Float64Array.from({ length: chains }, () => 10_000 * 100 ** rng.next());
  const expected = answersOf(chainOf(askLibrary(library), functions), inputs, functions);
  const measure = (name: string, chain: Chain): InferenceEntry => ({
    name,
    chainUs: timeChain(chain, inputs, functions, clock),
    maxDifference: largestDifference(answersOf(chain, inputs, functions), expected),
  });
  const decided = modelOf({ ...flat, workCoreMs: flat.cpuCores }, functions);
  const entries = [
    measure("ml-random-forest", chainOf(askLibrary(library), functions)),
    measure("flattened", chainOf(askFlat(flat), functions)),
    measure("steps", steps),
    measure("as decided: with the work of every tree, bands and trust", chainOfDecision(decided, functions)),
  ];
  const predictions = functions * TARGETS.length;
  const peer = await runScikitLearn({ python, train, test: train, trees, seed, repeats: 1, predictions: 200 });
  if ("unavailable" in peer) entries.push({ name: "scikit-learn", unavailable: peer.unavailable });
  else entries.push({ name: `scikit-learn ${peer.version}`, chainUs: spreadOf(peer.predictUs.map((us) => us * predictions)) });
  const nodes = TARGETS.reduce((sum, target) => sum + flat[target].feature.length, 0);
  return { functions, predictions, trees, nodes, layOutMs, entries };
}

function chainOf(ask: Ask, functions: number): Chain {
  return (dagInputBytes, answers) => {
    for (let f = 0; f < functions; f++) {
      const bytes = ask("inputBytes", dagInputBytes, f);
      answers[3 * f] = bytes;
      answers[3 * f + 1] = ask("cpuCores", bytes, f);
      answers[3 * f + 2] = ask("memoryMb", bytes, f);
    }
  };
}

type PerTarget<T> = Readonly<Record<(typeof TARGETS)[number], T>>;

function askLibrary(forests: PerTarget<LibraryForest>): Ask {
  return (target, bytes, f) => forests[target].predict([[bytes, f]])[0] as number;
}

function askFlat(forests: PerTarget<FlatForest>): Ask {
  const perTree = new Float64Array(forests.inputBytes.roots.length);
  return (target, bytes, f) => meanOf(predictTrees(forests[target], [bytes, f], perTree));
}

function askSteps(forests: PerTarget<FlatForest>, functions: number): Ask {
  const layOut = (forest: FlatForest) => Array.from({ length: functions }, (_, f) => stepForestOf(forest, [Number.NaN, f], 0));
  const steps = { inputBytes: layOut(forests.inputBytes), cpuCores: layOut(forests.cpuCores), memoryMb: layOut(forests.memoryMb) };
  return (target, bytes, f) => stepMean(steps[target][f] as StepForest, bytes);
}

/** What the sidecar asks for one decision, once everything is laid out. */
function chainOfDecision(model: Model, functions: number): Chain {
  const chain: Chain = (dagInputBytes, answers) => {
    for (let f = 0; f < functions; f++) {
      const at = { dagInputBytes, functionIndex: f, stage: 0 };
      const { predicted } = predictCalibrated({ model, dagVersion: "1", at, minSamples: 5 });
      answers[3 * f] = predicted.inputBytes.mean;
      answers[3 * f + 1] = predicted.cpuCores.mean;
      answers[3 * f + 2] = predicted.memoryMb.mean;
    }
  };
  chain(10_000, new Float64Array(functions * TARGETS.length));
  while (layOutNext(model));
  return chain;
}

/** Calibrated as for 200 runs: as many bands and cells as training leaves then. The bands' widths do not matter to the time. */
function modelOf(forests: Forests, functions: number): Model {
  const bands = Array.from({ length: 5 }, (_, i) => ({ fromDagInputBytes: 10_000 * 2.5 ** i, samples: 40, low: -1, high: 1 }));
  const target = { samples: 200, skill: 0.9, explained: true, history: { mean: 2, p10: 1, p90: 3 }, bands };
  const cells = Array.from({ length: 95 }, (_, i) => 188 + i);
  const sizes = { cells, runs: cells.map(() => 2) };
  const targets = { inputBytes: target, cpuCores: target, memoryMb: target, workCoreMs: target };
  const { layout, sha256 } = encodeForests(forests);
  const document = {
    format: MODEL_FORMAT,
    namespace: "guest",
    dag: "bench",
    dagVersion: "1",
    version: "1",
    trainer: "ml-random-forest",
    seed: 1,
    createdAtMs: 0,
    dagInputBytes: { min: 10_000, max: 1_000_000 },
    samples: new Array<number>(functions).fill(200),
    grid: PAPER_GRID,
    scores: {},
    layout,
    sha256,
    calibration: { coverage: 0.8, folds: 20, functions: Array.from({ length: functions }, (_, index) => ({ index, sizes, targets })) },
  };
  return { document, forests };
}

function timeChain(chain: Chain, inputs: Float64Array, functions: number, clock: Clock): Spread {
  const answers = new Float64Array(functions * TARGETS.length);
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
    const answers = new Float64Array(functions * TARGETS.length);
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
