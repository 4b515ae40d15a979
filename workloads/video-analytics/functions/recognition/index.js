/**
 * OpenWhisk action: says which objects are in each of its frames, with a neural network in worker threads. Few frames keep one
 * core busy, more of them two.
 */
const { join } = require("node:path");
const { Worker } = require("node:worker_threads");
const { openStore } = require("../store.js");

/** One worker for every started three frames: loading the network costs as much as looking at one frame ... */
const FRAMES_PER_WORKER = 3;
/** ... but no more than this: each holds the network, about 100 MB. */
const MAX_WORKERS = 2;

/** Resolves with the worker's results once its thread has ended. */
function recogniseIn(frames) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(join(__dirname, "worker.js"), { workerData: { frames } });
    let results;
    worker.once("message", (message) => {
      results = message;
    });
    worker.once("error", reject);
    worker.once("exit", (code) => (results ? resolve(results) : reject(new Error(`A worker ended with ${code}.`))));
  });
}

/**
 * @param {{run: string, part: string, frames: {index: number, jpeg?: string, id?: string}[], store?: string}} params
 * @returns {Promise<{part: string, workers: number, frames: {index: number, objects: {label: string, score: number, box: number[]}[]}[]}
 *   | {error: string}>} box: left, top, width and height as shares of the frame
 */
async function main({ run, part, frames, store: address }) {
  if (!Array.isArray(frames)) return { error: "recognition needs frames." };
  const store = openStore(address);
  const loaded = await Promise.all(frames.map(async (frame) => ({ index: frame.index, jpeg: await store.loadFrame(frame) })));
  const workers = Math.min(MAX_WORKERS, Math.ceil(loaded.length / FRAMES_PER_WORKER));
  const shares = Array.from({ length: workers }, (_, worker) => loaded.filter((_frame, i) => i % workers === worker));
  const results = (await Promise.all(shares.map(recogniseIn))).flat().sort((one, other) => one.index - other.index);
  const result = { workers, frames: results };
  await store.saveResult(run, part, result);
  return { part, ...result };
}

exports.main = main;
