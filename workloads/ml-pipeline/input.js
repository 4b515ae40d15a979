/** Input generator (paper, 3.5.1): draws of handwritten digits, of sizes spread evenly over their logarithm. */
const { existsSync, readFileSync } = require("node:fs");
const { join } = require("node:path");

/** Written by `npm run build`: the label and 14 x 14 pixels of each picture. */
const RECORDS_FILE = join(__dirname, "dist", "data", "digits.bin");
const RECORD_BYTES = 197;
/** Of the input: 196 pixels in base64, and a digit. */
const BYTES_PER_ROW = (196 * 4) / 3 + 1;
/** Ten rows, the fewest that preprocess takes. */
const SMALLEST_BYTES = Math.ceil(10 * BYTES_PER_ROW);

/** mulberry32: equal seeds give equal sequences on every machine. */
function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Fisher-Yates, in place. */
function shuffle(items, random) {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [items[i], items[j]] = [items[j], items[i]];
  }
  return items;
}

function readRecords() {
  if (!existsSync(RECORDS_FILE)) throw new Error("ml-pipeline is not built: run `npm ci && npm run build` in its folder.");
  const bytes = readFileSync(RECORDS_FILE);
  return Array.from({ length: bytes.length / RECORD_BYTES }, (_, i) => bytes.subarray(i * RECORD_BYTES, (i + 1) * RECORD_BYTES));
}

/** Different pictures, in random order. */
function draw(records, rows, random) {
  const drawn = shuffle([...records], random).slice(0, rows);
  return {
    pictures: Buffer.concat(drawn.map((record) => record.subarray(1))).toString("base64"),
    labels: drawn.map((record) => record[0]).join(""),
  };
}

/**
 * Stratified: the range of log sizes is cut into `count` equal parts, one size is drawn from each, and the order is
 * shuffled, so that even a few inputs cover the whole range. Deterministic in its arguments.
 * @param {{count: number, seed: number, minBytes?: number, maxBytes?: number}} options sizes of the inputs, 30 to 3000 rows by default
 * @returns {{pictures: string, labels: string}[]}
 */
function generateInputs({ count, seed, minBytes = 7_870, maxBytes = 787_000 }) {
  if (!(Number.isInteger(count) && count >= 0)) throw new RangeError(`count must be a whole number from 0 on, not ${count}.`);
  const records = readRecords();
  const largest = Math.floor(records.length * BYTES_PER_ROW);
  if (!(minBytes >= SMALLEST_BYTES && minBytes <= maxBytes && maxBytes <= largest))
    throw new RangeError(`Sizes must lie between ${SMALLEST_BYTES} and ${largest} bytes, not ${minBytes}..${maxBytes}.`);
  const random = randomOf(seed);
  const sizes = Array.from({ length: count }, (_, i) => minBytes * (maxBytes / minBytes) ** ((i + random()) / count));
  return shuffle(sizes, random).map((bytes) => draw(records, Math.round(bytes / BYTES_PER_ROW), random));
}

exports.generateInputs = generateInputs;
