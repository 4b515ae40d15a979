/**
 * OpenWhisk action: trains gradient-boosted trees (XGBoost) with its branch's number of trees, depth and feature fraction, and
 * says how likely each held-out row is each digit. Every bag is a booster of its own, trained in a worker thread.
 */
const { join } = require("node:path");
const { Worker } = require("node:worker_threads");
const { encodeBytes } = require("../rows.js");

/** Probabilities travel as whole numbers of 0 to 255. */
const PROBABILITY_STEPS = 255;

/** Resolves with the booster's probabilities, row by row, once its thread has ended. */
function trainBag(workerData) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(join(__dirname, "worker.js"), { workerData });
    let probabilities;
    worker.once("message", (message) => {
      probabilities = message;
    });
    worker.once("error", reject);
    worker.once("exit", (code) => (probabilities ? resolve(probabilities) : reject(new Error(`A worker ended with ${code}.`))));
  });
}

const isWhole = (value) => Number.isInteger(value) && value >= 1;

/**
 * @param {{position: number, trees: number, depth: number, featureFraction: number, bags: number, components: number,
 *   trainFeatures: string, trainLabels: string, testFeatures: string, testLabels: string}} params
 * @returns {Promise<{position: number, trees: number, depth: number, featureFraction: number, bags: number,
 *   testLabels: string, probabilities: string} | {error: string}>} probabilities: base64 of ten bytes a row
 */
async function main(params) {
  const { position, trees, depth, featureFraction, bags, testLabels } = params;
  if (typeof params.trainFeatures !== "string" || typeof params.testFeatures !== "string") return { error: "train needs features." };
  if (![trees, depth, bags].every(isWhole)) return { error: "trees, depth and bags must be whole numbers from 1 on." };
  if (!(featureFraction > 0 && featureFraction <= 1)) return { error: "featureFraction must lie in 0..1." };
  const votes = await Promise.all(Array.from({ length: bags }, (_, bag) => trainBag({ ...params, seed: bag + 1 })));
  const mean = votes[0].map((_, i) => votes.reduce((sum, vote) => sum + vote[i], 0) / bags);
  const probabilities = encodeBytes(mean.map((p) => Math.round(p * PROBABILITY_STEPS)));
  return { position, trees, depth, featureFraction, bags, testLabels, probabilities };
}

exports.main = main;
