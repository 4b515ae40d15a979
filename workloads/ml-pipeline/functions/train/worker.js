/** Worker thread of train: one booster, from features to the probabilities of the held-out rows. */
const { parentPort, workerData } = require("node:worker_threads");
const { decodeBytes, decodeFloats, toRows } = require("../rows.js");

/** Its loader, older than Node's fetch, would try its file's path as a URL and complain in the log before it reads the file. */
WebAssembly.instantiateStreaming = undefined;
const loading = require("ml-xgboost");

const CLASSES = 10;

async function train({ trees, depth, featureFraction, seed, components, trainFeatures, trainLabels, testFeatures }) {
  const XGBoost = await loading;
  const booster = new XGBoost({
    booster: "gbtree",
    objective: "multi:softprob",
    num_class: CLASSES,
    max_depth: depth,
    eta: 0.3,
    subsample: 0.8,
    colsample_bytree: featureFraction,
    iterations: trees,
    nthread: 1,
    seed,
  });
  booster.train(toRows(decodeFloats(trainFeatures), components), Array.from(decodeBytes(trainLabels)));
  const probabilities = booster.predict(toRows(decodeFloats(testFeatures), components)).flat();
  booster.free();
  return probabilities;
}

// A failure is an unhandled rejection, which ends the thread with an error that train passes on.
void train(workerData).then((probabilities) => parentPort.postMessage(probabilities));
