/**
 * OpenWhisk action: decodes a video's frames and chooses those to look at: key frames, where a new scene begins, and every fifth
 * of the others. How many of each there are is the film's doing, and what makes the branches of the next stage unequal.
 */
const { randomUUID } = require("node:crypto");
const jpeg = require("jpeg-js");
const { openStore } = require("../store.js");

/** Mean difference of brightness (0..255) above which a frame begins a new scene: input.js's pans stay below 21, its cuts are above 50. */
const CUT_THRESHOLD = 35;
/** Of the frames between key frames, one of so many is looked at. */
const SAMPLING_STEP = 5;

/** @returns {Uint8Array} brightness of each pixel (ITU-R BT.601) */
function brightnessOf(frame) {
  const { data, width, height } = jpeg.decode(frame, { useTArray: true, formatAsRGBA: false, maxMemoryUsageInMB: 128 });
  return Uint8Array.from({ length: width * height }, (_, i) => 0.299 * data[3 * i] + 0.587 * data[3 * i + 1] + 0.114 * data[3 * i + 2]);
}

const meanDifference = (one, other) => one.reduce((sum, value, i) => sum + Math.abs(value - other[i]), 0) / one.length;

/** @returns {{key: number[], other: number[]}} indices of the frames to look at */
function chooseFrames(frames) {
  const [key, other] = [[], []];
  let before;
  frames.forEach((frame, index) => {
    const brightness = brightnessOf(frame);
    if (!before || meanDifference(before, brightness) > CUT_THRESHOLD) key.push(index);
    else if ((index - key.at(-1)) % SAMPLING_STEP === 0) other.push(index);
    before = brightness;
  });
  return { key, other };
}

/**
 * @param {{video: string, offsets: number[], store?: string}} params
 * @returns {Promise<{run: string, frames: number, keyFrames: object[], keyFrameBytes: number, otherFrames: object[],
 *   otherFrameBytes: number} | {error: string}>} the frames chosen, by value or as the store's ids
 */
async function main({ video, offsets, store: address }) {
  if (typeof video !== "string" || !Array.isArray(offsets)) return { error: "decoder needs a video and its frames' offsets." };
  const bytes = Buffer.from(video, "base64");
  const frames = offsets.map((offset, i) => bytes.subarray(offset, offsets[i + 1] ?? bytes.length));
  const { key, other } = chooseFrames(frames);
  const run = randomUUID();
  const store = openStore(address);
  const save = (indices) =>
    store.saveFrames(
      run,
      indices.map((index) => ({ index, jpeg: frames[index] })),
    );
  const bytesOf = (indices) => indices.reduce((sum, index) => sum + frames[index].length, 0);
  return {
    run,
    frames: frames.length,
    keyFrames: await save(key),
    keyFrameBytes: bytesOf(key),
    otherFrames: await save(other),
    otherFrameBytes: bytesOf(other),
  };
}

exports.main = main;
