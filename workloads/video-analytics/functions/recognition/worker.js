/** Worker thread of recognition: runs CenterNet (a MobileNetV3 that finds the objects of COCO) on its frames, one after another. */
const { readFileSync } = require("node:fs");
const { join } = require("node:path");
const { parentPort, workerData } = require("node:worker_threads");
const { setWasmPaths } = require("@tensorflow/tfjs-backend-wasm");
const { loadGraphModel } = require("@tensorflow/tfjs-converter");
const tf = require("@tensorflow/tfjs-core");
const jpeg = require("jpeg-js");
const labels = require("./labels.js");

/** The network's only input size, in pixels. */
const INPUT_SIDE = 512;
/** As the model's package sets them: least score, most objects of a frame, largest overlap of two of them. */
const [MIN_SCORE, MAX_OBJECTS, MAX_OVERLAP] = [0.2, 10, 0.4];

async function loadNetwork() {
  setWasmPaths(`${__dirname}/`);
  await tf.setBackend("wasm");
  const { modelTopology, weightsManifest, format } = JSON.parse(readFileSync(join(__dirname, "centernet.json"), "utf8"));
  const weightData = new Uint8Array(readFileSync(join(__dirname, "centernet.bin"))).buffer;
  const weightSpecs = weightsManifest.flatMap(({ weights }) => weights);
  return loadGraphModel(tf.io.fromMemory({ modelTopology, weightSpecs, weightData, format }));
}

const round = (value) => Math.round(value * 1000) / 1000;

/** Detections are rows of left, top, right, bottom (pixels of the input), score and class; overlapping ones are one object. */
function objectsIn(network, frame) {
  const { data, width, height } = jpeg.decode(frame, { useTArray: true, formatAsRGBA: false, maxMemoryUsageInMB: 128 });
  const [detections, kept] = tf.tidy(() => {
    const picture = tf.cast(tf.tensor3d(data, [height, width, 3], "int32"), "float32");
    const input = tf.expandDims(tf.image.resizeBilinear(picture, [INPUT_SIDE, INPUT_SIDE]));
    const rows = tf.squeeze(network.execute(input, "tower_0/detections"), [0]);
    const [left, top, right, bottom, score] = tf.unstack(rows, 1);
    const boxes = tf.stack([top, left, bottom, right], 1);
    return [rows.arraySync(), tf.image.nonMaxSuppression(boxes, score, MAX_OBJECTS, MAX_OVERLAP, MIN_SCORE).arraySync()];
  });
  return kept.map((row) => {
    const [left, top, right, bottom, score, label] = detections[row];
    return {
      label: labels[label],
      score: round(score),
      box: [left, top, right - left, bottom - top].map((pixels) => round(pixels / INPUT_SIDE)),
    };
  });
}

async function recognise(frames) {
  const network = await loadNetwork();
  return frames.map(({ index, jpeg: bytes }) => ({ index, objects: objectsIn(network, bytes) }));
}

// A failure is an unhandled rejection, which ends the thread with an error that recognition passes on.
void recognise(workerData.frames).then((results) => parentPort.postMessage(results));
