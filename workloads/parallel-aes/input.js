/** Input generator (paper, 3.5.1): passages of a real text, of sizes spread evenly over their logarithm. */
const { readFileSync } = require("node:fs");
const { join } = require("node:path");

const opticks = readFileSync(join(__dirname, "data", "opticks.txt"));

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

/** At most `bytes` long; begins and ends between words, hence between UTF-8 characters, and is shorter by less than two words. */
function passage(bytes, random) {
  let from = Math.floor(random() * (opticks.length - bytes));
  let to = from + bytes;
  while (from > 0 && !isBlank(opticks[from - 1])) from++;
  while (to < opticks.length && to > from && !isBlank(opticks[to])) to--;
  return opticks.toString("utf8", from, to);
}

const isBlank = (byte) => byte === 0x20 || byte === 0x0a;

/**
 * Stratified: the range of log sizes is cut into `count` equal parts, one size is drawn from each, and the order is shuffled,
 * so that even a few inputs cover the whole range. Deterministic in its arguments.
 * @param {{count: number, seed: number, minBytes?: number, maxBytes?: number}} options
 * @returns {{text: string}[]}
 */
function generateInputs({ count, seed, minBytes = 2_000, maxBytes = 200_000 }) {
  if (!(Number.isInteger(count) && count >= 0)) throw new RangeError(`count must be a whole number from 0 on, not ${count}.`);
  if (!(minBytes >= 100 && minBytes <= maxBytes && maxBytes < opticks.length))
    throw new RangeError(`Sizes must lie between 100 and ${opticks.length - 1} bytes, not ${minBytes}..${maxBytes}.`);
  const random = randomOf(seed);
  const sizes = Array.from({ length: count }, (_, i) => Math.round(minBytes * (maxBytes / minBytes) ** ((i + random()) / count)));
  return shuffle(sizes, random).map((bytes) => ({ text: passage(bytes, random) }));
}

exports.generateInputs = generateInputs;
