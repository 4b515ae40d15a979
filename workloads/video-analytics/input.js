/**
 * Input generator (paper, 3.5.1): Motion JPEG films whose camera pans over pictures and cuts from one to the next, of sizes spread
 * evenly over their logarithm.
 */
const { readFileSync } = require("node:fs");
const { join } = require("node:path");

const PICTURES = ["astronaut", "coffee", "hopper", "rocket"];
const [WIDTH, HEIGHT] = [160, 120];
/** JPEG's 0..100: a frame has 2 to 5 kB. */
const QUALITY = 60;
const [MIN_SCENE_FRAMES, MAX_SCENE_FRAMES] = [12, 48];
/** A camera path over a picture has so many views, and a picture so many paths. */
const [PATH_VIEWS, PATHS] = [24, 3];
/** The view is this share of the largest that the picture has; smaller views show details. */
const [MIN_VIEW, MAX_VIEW] = [0.8, 1];
/** Of base64: four characters for three bytes. */
const GROWTH = 4 / 3;

/** The workload's own package, so that a job can be deployed before it is installed. */
const jpegCodec = () => require("jpeg-js");

const pictures = new Map();
function pictureOf(name) {
  if (!pictures.has(name)) {
    const bytes = readFileSync(join(__dirname, "data", `${name}.jpg`));
    pictures.set(name, jpegCodec().decode(bytes, { useTArray: true }));
  }
  return pictures.get(name);
}

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

/** The view `{left, top, scale}` of a picture, in its pixels, as a JPEG frame; the nearest pixel is taken. */
function encodeView(picture, { left, top, scale }) {
  const data = Buffer.alloc(WIDTH * HEIGHT * 4);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      const from = 4 * (Math.floor(top + y * scale) * picture.width + Math.floor(left + x * scale));
      data.set(picture.data.subarray(from, from + 4), 4 * (y * WIDTH + x));
    }
  }
  return jpegCodec().encode({ data, width: WIDTH, height: HEIGHT }, QUALITY).data;
}

/** A straight camera movement over a picture: the first and the last view, the same for the same number of path. */
function pathOver(picture, path) {
  const random = randomOf(path);
  const largest = Math.min((picture.width - 1) / WIDTH, (picture.height - 1) / HEIGHT);
  const scale = largest * (MIN_VIEW + (MAX_VIEW - MIN_VIEW) * random());
  const place = () => ({ left: random() * (picture.width - WIDTH * scale), top: random() * (picture.height - HEIGHT * scale) });
  return { from: place(), to: place(), scale };
}

const encoded = new Map();
/** One frame of a path. Kept, because encoding takes tens of ms and films share paths. */
function frameOf(name, path, view) {
  const key = `${name} ${path} ${view}`;
  if (!encoded.has(key)) {
    const picture = pictureOf(name);
    const { from, to, scale } = pathOver(picture, path);
    const between = (side) => from[side] + ((to[side] - from[side]) * view) / PATH_VIEWS;
    encoded.set(key, encodeView(picture, { left: between("left"), top: between("top"), scale }));
  }
  return encoded.get(key);
}

/** A scene goes along a path from a random view on, to and fro. */
function* sceneFrames({ name, frames, random }) {
  const path = Math.floor(random() * PATHS);
  const start = Math.floor(random() * PATH_VIEWS);
  for (let i = start; i < start + frames; i++) {
    const back = Math.floor(i / PATH_VIEWS) % 2 === 1;
    yield frameOf(name, path, back ? PATH_VIEWS - 1 - (i % PATH_VIEWS) : i % PATH_VIEWS);
  }
}

/** Scenes one after another, never twice the same picture in a row. */
function* filmFrames(random) {
  let name;
  for (;;) {
    const others = PICTURES.filter((picture) => picture !== name);
    name = others[Math.floor(random() * others.length)];
    const frames = MIN_SCENE_FRAMES + Math.floor(random() * (MAX_SCENE_FRAMES - MIN_SCENE_FRAMES + 1));
    yield* sceneFrames({ name, frames, random });
  }
}

/** @returns {{video: string}} as many frames as fit into the size, and at least one */
function film(bytes, random) {
  const frames = [];
  let total = 0;
  for (const frame of filmFrames(random)) {
    total += frame.length * GROWTH;
    if (frames.length > 0 && total > bytes) break;
    frames.push(frame);
  }
  return { video: Buffer.concat(frames).toString("base64") };
}

/**
 * Stratified: the range of log sizes is cut into `count` equal parts, one size is drawn from each, and the order is shuffled,
 * so that even a few inputs cover the whole range. Deterministic in its arguments.
 * @param {{count: number, seed: number, minBytes?: number, maxBytes?: number}} options
 * @returns {{video: string}[]}
 */
function generateInputs({ count, seed, minBytes = 6_000, maxBytes = 600_000 }) {
  if (!(Number.isInteger(count) && count >= 0)) throw new RangeError(`count must be a whole number from 0 on, not ${count}.`);
  if (!(minBytes >= 6_000 && minBytes <= maxBytes && maxBytes <= 900_000))
    throw new RangeError(`Sizes must lie between 6000 and 900000 bytes, not ${minBytes}..${maxBytes}.`);
  const random = randomOf(seed);
  const sizes = Array.from({ length: count }, (_, i) => minBytes * (maxBytes / minBytes) ** ((i + random()) / count));
  return shuffle(sizes, random).map((bytes) => film(bytes, random));
}

exports.generateInputs = generateInputs;
/** For the selfcheck: one scene with known content. */
exports.sceneFrames = sceneFrames;
exports.randomOf = randomOf;
