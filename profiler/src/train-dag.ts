/**
 * Trains the models of one DAG. Scores come from a model of 80 % of the composition runs, tested on the other 20 %
 * (paper, 4.3); the model that is returned is then trained on all of them, so its scores speak of a slightly poorer
 * one.
 */
import {
  type Calibration,
  type DagDescription,
  encodeForests,
  type Forests,
  type Grid,
  HarvestError,
  MODEL_FEATURES,
  MODEL_FORMAT,
  MODEL_TARGETS,
  type Model,
  type ModelDocument,
  type ModelStore,
  type ModelTarget,
  type Profile,
  type ProfileStore,
  sealed,
} from "@openwhisk-harvest/core";
import { type Dataset, datasetOf, requireRows } from "./dataset.js";
import { type ChainQuery, type Evaluation, evaluateModel, predictChain } from "./evaluate.js";
import { splitByRun } from "./split.js";
import { cartTrainer } from "./train/cart.js";
import { type Ml2Features, sizeOnly } from "./train/ml2-features.js";
import { trainPerFunction } from "./train/per-function.js";
import type { Trainer, TrainOptions } from "./train/trainer.js";
import { calibrate, defaultFolds } from "./trust/calibrate.js";

/** Trees per forest; scikit-learn's default, at which both trainers have settled. */
export const DEFAULT_TREES = 100;

export interface TrainDag {
  readonly profiles: Iterable<Profile> | AsyncIterable<Profile>;
  readonly dag: DagDescription;
  /** The grid in force: accuracy is measured against it. */
  readonly grid: Grid;
  readonly trainer?: Trainer;
  readonly trees?: number;
  /** Decides the split and the forests. */
  readonly seed: number;
  /** What ML2 is told; the size and the ordinal by default. */
  readonly ml2Features?: Ml2Features;
  /**
   * How many more trainings the calibration of the bands may cost; by default 20, and fewer with many runs. Below 2: no
   * calibration.
   */
  readonly folds?: number;
  readonly version: string;
  readonly createdAtMs: number;
}

export interface TrainedDag {
  readonly model: Model;
  /** Of the test runs; the model's `scores` are drawn from it. */
  readonly evaluation: Evaluation;
}

/** As trainAndEvaluate, without the evaluation. */
export async function trainDag(task: TrainDag): Promise<Model> {
  return (await trainAndEvaluate(task)).model;
}

/** Rejects with OWH_BAD_DATASET when there are too few runs, none that show a target, or a malformed profile. */
export async function trainAndEvaluate(task: TrainDag): Promise<TrainedDag> {
  const { dag, grid, trainer = cartTrainer, trees = DEFAULT_TREES, seed, ml2Features = "size-and-ordinal" } = task;
  const dataset = await datasetOf(task.profiles, dag);
  requireRows(dataset, `${dag.namespace}/${dag.name}`);
  const { train, test } = splitByRun(dataset, seed);
  requireRows(train, "The training split");
  const forestsOf = (part: Dataset) => trainForests(trainer, part, ml2Features, { trees, seed });
  const evaluation = evaluateModel({ forests: await forestsOf(train), profiles: test.profiles, grid });
  const { folds = defaultFolds(dataset.roots.length) } = task;
  const calibration = folds < 2 ? undefined : await calibrate({ dataset, trainChain: chainTrainer(forestsOf), folds, seed });
  const forests = await forestsOf(dataset);
  return { model: { document: documentOf(task, trainer, dataset, evaluation, forests, calibration), forests }, evaluation };
}

function chainTrainer(forestsOf: (part: Dataset) => Promise<Forests>) {
  return async (part: Dataset) => {
    const forests = await forestsOf(part);
    return (at: ChainQuery) => predictChain(forests, at);
  };
}

async function trainForests(trainer: Trainer, dataset: Dataset, ml2Features: Ml2Features, options: TrainOptions): Promise<Forests> {
  const forests: Partial<Record<ModelTarget, Forests[ModelTarget]>> = {};
  for (const target of MODEL_TARGETS) {
    const rows = { x: dataset.rows[target].map((r) => r.x), y: dataset.rows[target].map((r) => r.y) };
    const functionColumn = (MODEL_FEATURES[target] as readonly string[]).indexOf("functionIndex");
    const pooled = ml2Features === "size" && target !== "inputBytes";
    forests[target] = await (pooled ? trainer.train(sizeOnly(rows), options) : trainPerFunction(trainer, rows, functionColumn, options));
  }
  return forests as Forests;
}

function documentOf(
  task: TrainDag,
  trainer: Trainer,
  dataset: Dataset,
  evaluation: Evaluation,
  forests: Forests,
  calibration: Calibration | undefined,
): ModelDocument {
  const { dag, grid, seed, version, createdAtMs } = task;
  const { layout, sha256 } = encodeForests(forests);
  const inputs = dataset.rows.inputBytes.map((row) => row.x[0] as number);
  return sealed({
    format: MODEL_FORMAT,
    namespace: dag.namespace,
    dag: dag.name,
    dagVersion: dag.version,
    version,
    // Told by its name, since the document's readers need not know: such a forest does not look at the ordinal.
    trainer: task.ml2Features === "size" ? `${trainer.name}, ML2 by size only` : trainer.name,
    seed,
    createdAtMs,
    dagInputBytes: { min: inputs.reduce((a, b) => Math.min(a, b)), max: inputs.reduce((a, b) => Math.max(a, b)) },
    samples: samplesOf(dag, dataset),
    grid,
    scores: scoresOf(evaluation),
    layout,
    sha256,
    ...(calibration && { calibration }),
  });
}

/** Samples per function index: of the target that has the fewest, since a decision needs them all. */
function samplesOf(dag: DagDescription, { rows }: Dataset): number[] {
  const counts = MODEL_TARGETS.map((target) => {
    const perFunction = new Array<number>(1 + Math.max(...dag.functions.map((f) => f.index))).fill(0);
    for (const { functionIndex } of rows[target]) (perFunction[functionIndex] as number)++;
    return perFunction;
  });
  return (counts[0] as number[]).map((_, index) => Math.min(...counts.map((c) => c[index] as number)));
}

function scoresOf(evaluation: Evaluation): ModelDocument["scores"] {
  const scores: ModelDocument["scores"] = {};
  for (const [target, { error, accuracy, withinAllocation, demand, samples }] of Object.entries(evaluation))
    scores[target] = {
      meanAbsoluteError: error.mean,
      testSamples: samples,
      ...(accuracy !== undefined && { accuracy }),
      ...(withinAllocation !== undefined && { withinAllocation }),
      ...(demand && {
        demand: { meanAbsoluteError: demand.meanError, accuracy: demand.accuracy, withinAllocation: demand.withinAllocation },
      }),
    };
  return scores;
}

export interface TrainFromStores extends Omit<TrainDag, "profiles" | "version"> {
  readonly profiles: ProfileStore;
  readonly models: ModelStore;
}

/**
 * Trains on the stored profiles of the DAG and stores the model under the next version. OWH_CONFLICT when another
 * training was faster; OWH_MODEL_TOO_NEW, before anything is trained, when the newest model is of a later format, whose
 * readers ours would take it from.
 */
export async function trainFromStores({ profiles, models, ...task }: TrainFromStores): Promise<TrainedDag> {
  const { namespace, name } = task.dag;
  await requireReplaceable(models, namespace, name);
  const version = await models.nextVersion(namespace, name);
  const trained = await trainAndEvaluate({ ...task, version, profiles: profiles.ofDag(namespace, name) });
  await models.put(trained.model);
  return trained;
}

async function requireReplaceable(models: ModelStore, namespace: string, name: string): Promise<void> {
  try {
    await models.latest(namespace, name);
  } catch (error) {
    // A damaged model is a reason to train another one.
    if (!(error instanceof HarvestError && error.code === "OWH_BAD_MODEL")) throw error;
  }
}
