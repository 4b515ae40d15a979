/** `ml-random-forest` behind the trainer port; larger datasets are trained in a worker thread, so that nothing else waits. */
import { Worker } from "node:worker_threads";
import type { FlatForest } from "@openwhisk-harvest/core";
import { fit, flatten } from "./ml-random-forest-fit.js";
import { requireTrainable, type Trainer, type TrainingRows, type TrainOptions } from "./trainer.js";

/** From here on training (about 0.3 s at 100 trees) takes longer than starting a thread. */
const WORKER_FROM_ROWS = 150;

export const mlRandomForestTrainer: Trainer = {
  name: "ml-random-forest",
  async train(rows, options) {
    requireTrainable(rows, options);
    return rows.y.length < WORKER_FROM_ROWS ? flatten(fit(rows, options)) : trainInWorker(rows, options);
  },
};

/** What the worker thread is started with. */
export interface WorkerTask {
  readonly rows: TrainingRows;
  readonly options: TrainOptions;
}

function trainInWorker(rows: TrainingRows, options: TrainOptions): Promise<FlatForest> {
  return new Promise((resolve, reject) => {
    const task: WorkerTask = { rows, options: { trees: options.trees, seed: options.seed } };
    const worker = new Worker(new URL("./ml-random-forest-worker.js", import.meta.url), { workerData: task });
    worker.once("message", (forest: FlatForest) => resolve(forest));
    worker.once("error", reject);
    worker.once("exit", (code) => reject(new Error(`The training thread ended with ${code} before it answered.`))); // void after an answer
  });
}
