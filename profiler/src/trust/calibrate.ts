/**
 * Bands by cross-conformal calibration (Vovk, "Cross-conformal predictors", 2015): the composition runs are dealt into folds, each
 * fold is predicted, on the whole chain, by models of the other folds, and the quantiles of what these predictions missed become
 * the bands. A new run then lies within p10..p90 in 80 % of cases whatever the distribution of its errors, since nothing tells it
 * from the runs that were left out. Errors that grow with the size are met by bands of their own per range of sizes.
 */
import {
  BAND_COVERAGE,
  type Band,
  bandAt,
  type Calibration,
  cellOf,
  type FunctionCalibration,
  MODEL_TARGETS,
  type ModelTarget,
  meanOf,
  type Profile,
  seededRng,
  type TargetCalibration,
} from "@openwhisk-harvest/core";
import { type Dataset, datasetOfRoots } from "../dataset.js";
import { type ChainPrediction, type ChainQuery, chainPairs, type Pair } from "../evaluate.js";
import { shuffled } from "../split.js";

/** Fewest runs behind a band, unless there are fewer altogether: its two quantiles then rest on about four runs beyond each. */
const BAND_SAMPLES = 40;

/** More would only lengthen the document. */
const MOST_BANDS = 16;

/** Share of the variance that the size must explain. Pure noise gives forests a skill of about -0.3. */
const LEAST_SKILL = 0.1;

const LOW_SHARE = (1 - BAND_COVERAGE) / 2;
const HIGH_SHARE = 1 - LOW_SHARE;

/** The share of runs that an allocation is to hold: what is reserved (the aim for runs within their allocation). */
const TOP_SHARE = 0.99;

/**
 * Each fold costs a training. Models of the other folds are a little poorer than the whole, which widens the bands: with 100 runs
 * and 10 folds they covered 83 % instead of 80 % of a noise-free quantity. The more runs, the less that matters.
 */
export function defaultFolds(runs: number): number {
  if (runs <= 250) return Math.min(20, runs);
  return runs <= 1_000 ? 10 : 4;
}

export interface Calibrate {
  readonly dataset: Dataset;
  /** Trains a chain on some of the runs. */
  readonly trainChain: (dataset: Dataset) => Promise<(at: ChainQuery) => ChainPrediction>;
  readonly folds: number;
  /** Deals the runs into the folds. */
  readonly seed: number;
}

export async function calibrate({ dataset, trainChain, folds, seed }: Calibrate): Promise<Calibration> {
  const order = shuffled(dataset.roots, seededRng(seed));
  const pairs: UnseenPair[] = [];
  for (let fold = 0; fold < folds; fold++) {
    const held = new Set(order.filter((_, i) => i % folds === fold));
    const rest = datasetOfRoots(dataset, new Set(order.filter((root) => !held.has(root))));
    // A fold may hold all runs that show a target.
    if (MODEL_TARGETS.some((target) => rest.rows[target].length === 0)) continue;
    const known = constantsOf(rest);
    const heldProfiles = dataset.profiles.filter(({ root }) => held.has(root));
    for (const pair of chainPairs(await trainChain(rest), heldProfiles)) {
      const constant = known.get(keyOf(pair.target, pair.profile.functionIndex));
      if (constant !== undefined) pairs.push({ ...pair, constant });
    }
  }
  return { coverage: BAND_COVERAGE, folds, functions: calibrateFunctions(pairs, dataset.profiles) };
}

/** `constant`: what the mean of the other folds says. */
interface UnseenPair extends Pair {
  readonly constant: number;
}

function keyOf(target: ModelTarget, functionIndex: number): string {
  return `${target} ${functionIndex}`;
}

function constantsOf({ rows }: Dataset): Map<string, number> {
  const seen = new Map<string, number[]>();
  for (const target of MODEL_TARGETS)
    for (const { functionIndex, y } of rows[target]) {
      const key = keyOf(target, functionIndex);
      const own = seen.get(key) ?? [];
      if (own.push(y) === 1) seen.set(key, own);
    }
  return new Map([...seen].map(([key, values]) => [key, meanOf(values)]));
}

function calibrateFunctions(pairs: readonly UnseenPair[], profiles: readonly Profile[]): FunctionCalibration[] {
  const indices = [...new Set(pairs.map(({ profile }) => profile.functionIndex))].sort((a, b) => a - b);
  return indices.map((index) => {
    const targets: Partial<Record<ModelTarget, TargetCalibration>> = {};
    for (const target of MODEL_TARGETS) {
      const own = pairs.filter((pair) => pair.target === target && pair.profile.functionIndex === index);
      if (own.length > 0) targets[target] = calibrateTarget(own);
    }
    return { index, sizes: sizesOf(profiles.filter((p) => p.functionIndex === index && p.observation.outcome === "success")), targets };
  });
}

function sizesOf(profiles: readonly Profile[]): FunctionCalibration["sizes"] {
  const runs = new Map<number, number>();
  for (const { dagInputBytes } of profiles) runs.set(cellOf(dagInputBytes), (runs.get(cellOf(dagInputBytes)) ?? 0) + 1);
  const cells = [...runs.keys()].sort((a, b) => a - b);
  return { cells, runs: cells.map((cell) => runs.get(cell) as number) };
}

function calibrateTarget(pairs: readonly UnseenPair[]): TargetCalibration {
  const squaredErrors = (of: (pair: UnseenPair) => number) => meanOf(pairs.map((pair) => (pair.actual - of(pair)) ** 2));
  const byConstant = squaredErrors(({ constant }) => constant);
  const skill = byConstant === 0 ? 0 : 1 - squaredErrors(({ predicted }) => predicted) / byConstant;
  const actual = ascending(pairs.map((pair) => pair.actual));
  return {
    samples: pairs.length,
    skill: rounded(skill),
    explained: skill >= LEAST_SKILL,
    history: {
      mean: rounded(meanOf(actual)),
      p10: rounded(quantile(actual, LOW_SHARE)),
      p90: rounded(quantile(actual, HIGH_SHARE)),
      p99: rounded(quantile(actual, TOP_SHARE)),
    },
    bands: withTop(bandsOf(pairs), pairs),
  };
}

/** Ranges of sizes with about equally many runs; runs of one size stay together. */
function bandsOf(pairs: readonly Pair[]): Band[] {
  const bySize = [...pairs].sort((a, b) => a.profile.dagInputBytes - b.profile.dagInputBytes);
  const count = Math.min(MOST_BANDS, Math.max(1, Math.floor(bySize.length / BAND_SAMPLES)));
  const bands: Band[] = [];
  let from = 0;
  for (let band = 1; band <= count; band++) {
    let to = band === count ? bySize.length : Math.max(from, Math.round((band * bySize.length) / count));
    while (to > from && to < bySize.length && sizeAt(bySize, to) === sizeAt(bySize, to - 1)) to++;
    if (to > from) bands.push(bandOf(bySize.slice(from, to)));
    from = to;
  }
  return bands;
}

function sizeAt(pairs: readonly Pair[], i: number): number {
  return (pairs[i] as Pair).profile.dagInputBytes;
}

function bandOf(pairs: readonly Pair[]): Band {
  const residuals = ascending(pairs.map(({ actual, predicted }) => actual - predicted));
  return {
    fromDagInputBytes: sizeAt(pairs, 0),
    samples: pairs.length,
    low: rounded(quantile(residuals, LOW_SHARE)),
    high: rounded(quantile(residuals, HIGH_SHARE)),
  };
}

/**
 * p99 of a band. Its own runs are too few to show the one in a hundred, so the runs of all bands do, each against the width of its
 * band: residuals that scatter more where sizes are larger are then of one kind.
 */
function withTop(bands: readonly Band[], pairs: readonly Pair[]): Band[] {
  // A band of equal residuals has no width to measure others by.
  const widthOf = ({ low, high }: Band) => Math.max(high - low, 1e-6);
  const scaled = pairs.map(({ actual, predicted, profile }) => {
    const band = bandAt({ bands: [...bands] }, profile.dagInputBytes);
    return (actual - predicted - band.high) / widthOf(band);
  });
  const beyond = Math.max(0, quantile(ascending(scaled), TOP_SHARE));
  return bands.map((band) => ({ ...band, top: rounded(band.high + beyond * widthOf(band)) }));
}

function ascending(values: readonly number[]): Float64Array {
  return Float64Array.from(values).sort();
}

/**
 * The value below which one more sample of the same kind falls with this probability: the q (n + 1)-th of n, linear between
 * neighbours; the outermost one when there are too few (n < 9) to say.
 */
export function quantile(sorted: Float64Array, q: number): number {
  const at = Math.min(sorted.length - 1, Math.max(0, q * (sorted.length + 1) - 1));
  const low = Math.floor(at);
  const a = sorted[low] as number;
  const b = sorted[Math.min(low + 1, sorted.length - 1)] as number;
  return a + (b - a) * (at - low);
}

/** Documents are read by people, too. */
function rounded(value: number): number {
  return Number(value.toPrecision(9));
}
