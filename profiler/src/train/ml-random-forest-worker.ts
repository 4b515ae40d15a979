/** The thread of ml-random-forest.ts: trains what it was started with, answers with the flat forest, ends. */
import { parentPort, workerData } from "node:worker_threads";
import type { WorkerTask } from "./ml-random-forest.js";
import { fit, flatten } from "./ml-random-forest-fit.js";

const { rows, options } = workerData as WorkerTask;
parentPort?.postMessage(flatten(fit(rows, options)));
