/**
 * The paper's comparison (4.3 and Appendix C): six families of models over the same profiles of one DAG and the same
 * split by run.
 */
import { type Clock, type DagDescription, type Grid, MODEL_TARGETS, type Profile, seededRng } from "@openwhisk-harvest/core";
import { type Dataset, datasetOf, datasetOfRoots, requireRows } from "./dataset.js";
import { type Evaluation, evaluateChain } from "./evaluate.js";
import { type AllocationEvaluation, evaluateMargins } from "./evaluate-margins.js";
import { TRAINERS_AND_FAMILIES } from "./families/families.js";
import { fitChain } from "./families/fit-chain.js";
import type { Regressor } from "./families/regressor.js";
import { shuffled, splitByRun } from "./split.js";
import type { Ml2Features } from "./train/ml2-features.js";
import { trainDag } from "./train-dag.js";

/** As many inputs as the paper evaluates per workflow (4.3). */
export const PAPER_INPUTS = 200;

/** scikit-learn's default. */
const TREES = 100;

/** The default of decision.minSamples. */
const MIN_SAMPLES = 5;

export interface EvaluateFamilies {
  readonly profiles: Iterable<Profile> | AsyncIterable<Profile>;
  readonly dag: DagDescription;
  readonly grid: Grid;
  /** Draws the runs, the split and whatever a family draws. */
  readonly seed: number;
  readonly clock: Clock;
  /** More runs than this are not looked at; the paper's 200 by default. */
  readonly maxRuns?: number;
  readonly trees?: number;
  readonly ml2Features?: Ml2Features;
  readonly families?: readonly Regressor[];
  /** Called before each family is fitted. */
  readonly onProgress?: (progress: { readonly done: number; readonly total: number; readonly family: string }) => void;
}

export interface FamilyEvaluation {
  readonly name: string;
  readonly method: string;
  /** Why it was not evaluated. */
  readonly unavailable?: string;
  readonly evaluation?: Evaluation;
  /** For the models of all targets and functions. */
  readonly fitMs?: number;
}

export interface DagEvaluation {
  readonly namespace: string;
  readonly dag: string;
  readonly dagVersion: string;
  readonly grid: Grid;
  readonly seed: number;
  readonly ml2Features: Ml2Features;
  /** Composition runs. */
  readonly runs: { readonly profiled: number; readonly train: number; readonly test: number };
  readonly families: readonly FamilyEvaluation[];
  /** Of the default trainer's calibrated models: what is allocated against what is used. */
  readonly allocations: AllocationEvaluation;
}

/** Rejects with OWH_BAD_DATASET when there are too few runs, none that show a target, or a malformed profile. */
export async function evaluateFamilies(task: EvaluateFamilies): Promise<DagEvaluation> {
  const { dag, grid, seed, maxRuns = PAPER_INPUTS, families = TRAINERS_AND_FAMILIES, ml2Features = "size-and-ordinal", onProgress } = task;
  const all = await datasetOf(task.profiles, dag);
  requireRows(all, `${dag.namespace}/${dag.name}`);
  const { train, test } = splitByRun(drawRuns(all, maxRuns, seed), seed);
  requireRows(train, "The training split");
  const evaluated: FamilyEvaluation[] = [];
  for (const [done, family] of families.entries()) {
    onProgress?.({ done, total: families.length, family: family.name });
    evaluated.push(await evaluateFamily({ ...task, ml2Features }, family, train, test));
  }
  return {
    namespace: dag.namespace,
    dag: dag.name,
    dagVersion: dag.version,
    grid,
    seed,
    ml2Features,
    runs: { profiled: all.roots.length, train: train.roots.length, test: test.roots.length },
    families: evaluated,
    allocations: await evaluateAllocations(task, train, test),
  };
}

async function evaluateAllocations(task: EvaluateFamilies, train: Dataset, test: Dataset): Promise<AllocationEvaluation> {
  const { dag, grid, seed, trees = TREES, ml2Features = "size-and-ordinal" } = task;
  const model = await trainDag({ profiles: train.profiles, dag, grid, seed, trees, ml2Features, version: "1", createdAtMs: 0 });
  return evaluateMargins(model, test.profiles, grid, MIN_SAMPLES);
}

function drawRuns(dataset: Dataset, maxRuns: number, seed: number): Dataset {
  if (dataset.roots.length <= maxRuns) return dataset;
  return datasetOfRoots(dataset, new Set(shuffled(dataset.roots, seededRng(seed)).slice(0, maxRuns)));
}

async function evaluateFamily(
  { grid, seed, clock, ml2Features, trees = TREES }: EvaluateFamilies & { readonly ml2Features: Ml2Features },
  family: Regressor,
  train: Dataset,
  test: Dataset,
): Promise<FamilyEvaluation> {
  const { name, method } = family;
  const unavailable = await family.unavailable?.();
  if (unavailable !== undefined) return { name, method, unavailable };
  const startedMs = clock.monotonicMs();
  const chain = await fitChain(family, train, { trees, seed, ml2Features });
  const fitMs = clock.monotonicMs() - startedMs;
  // A function that no training run shows has no model; its test runs are left out.
  const isKnown = (index: number) => MODEL_TARGETS.every((target) => train.rows[target].some((row) => row.functionIndex === index));
  const profiles = test.profiles.filter(({ functionIndex }) => isKnown(functionIndex));
  return { name, method, evaluation: evaluateChain({ chain, profiles, grid }), fitMs };
}
