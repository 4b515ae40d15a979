/** Holds the trainers against one another on the same profiles and the same split, so that a default can be chosen in the open. */
import type { Clock, Model, Profile } from "@openwhisk-harvest/core";
import type { Evaluation } from "./evaluate.js";
import { cartTrainer } from "./train/cart.js";
import { mlRandomForestTrainer } from "./train/ml-random-forest.js";
import type { Trainer } from "./train/trainer.js";
import { type TrainDag, trainAndEvaluate } from "./train-dag.js";

export const TRAINERS: readonly Trainer[] = [cartTrainer, mlRandomForestTrainer];

export interface TrainerComparison {
  readonly trainer: string;
  /** For both trainings of all four targets, and the evaluation between them; bands are not calibrated. */
  readonly durationMs: number;
  readonly evaluation: Evaluation;
  readonly model: Model;
}

export interface CompareTrainers extends Omit<TrainDag, "trainer" | "profiles"> {
  readonly profiles: readonly Profile[];
  readonly trainers?: readonly Trainer[];
  readonly clock: Clock;
}

/** Trains with each, one after another. Rejects as trainAndEvaluate does. */
export async function compareTrainers({ trainers = TRAINERS, clock, ...task }: CompareTrainers): Promise<TrainerComparison[]> {
  const comparisons: TrainerComparison[] = [];
  for (const trainer of trainers) {
    const startedMs = clock.monotonicMs();
    const { model, evaluation } = await trainAndEvaluate({ ...task, trainer, folds: 0 });
    comparisons.push({ trainer: trainer.name, durationMs: clock.monotonicMs() - startedMs, evaluation, model });
  }
  return comparisons;
}
