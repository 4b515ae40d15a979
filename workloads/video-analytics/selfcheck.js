/** Runs the built functions of the workload in one process on small inputs and asserts what they promise. For the repository's tests. */
const assert = require("node:assert/strict");
const { existsSync, readFileSync } = require("node:fs");
const { join } = require("node:path");
const { generateInputs, randomOf, sceneFrames } = require("./input.js");

const load = (name) => require(`./dist/${name}/index.js`).main;

/** A film of these scenes, and where they begin. */
function filmOf(...scenes) {
  const frames = scenes.map(([name, count]) => [...sceneFrames({ name, frames: count, random: randomOf(1) })]);
  const cuts = scenes.map((_, i) => scenes.slice(0, i).reduce((sum, [, count]) => sum + count, 0));
  return { video: Buffer.concat(frames.flat()).toString("base64"), frames: frames.flat(), cuts };
}

const indicesOf = (frames) => frames.map(({ index }) => index);
const labelsOf = ({ frames }) => frames.map(({ objects }) => objects.map(({ label }) => label));

function checkInputs() {
  const options = { count: 6, seed: 42 };
  const inputs = generateInputs(options);
  assert.deepEqual(inputs, generateInputs(options), "the generator is deterministic");
  assert.notDeepEqual(inputs, generateInputs({ ...options, seed: 43 }), "the seed matters");
  const sizes = inputs.map(({ video }) => video.length);
  assert.ok(Math.max(...sizes) <= 600_000, "sizes lie in the range");
  assert.ok(Math.max(...sizes) / Math.min(...sizes) > 20, "sizes spread over more than an order of magnitude, even with 6 inputs");
  assert.throws(() => generateInputs({ count: 1, seed: 1, minBytes: 1, maxBytes: 5 }), RangeError);
}

function checkStreaming(film) {
  const streaming = load("streaming");
  const found = streaming(film);
  assert.deepEqual([found.width, found.height, found.offsets.length], [160, 120, film.frames.length], "every frame is found");
  const ends = [...found.offsets.slice(1), Buffer.byteLength(film.video, "base64")];
  assert.deepEqual(
    ends.map((end, i) => end - found.offsets[i]),
    film.frames.map((frame) => frame.length),
    "frames end where they end",
  );
  assert.ok(streaming({}).error, "streaming without a video is an error");
  const bytes = Buffer.from(film.video, "base64");
  assert.ok(streaming({ video: bytes.subarray(0, -100).toString("base64") }).error, "a film cut off within a frame is an error");
  assert.ok(streaming({ video: Buffer.from("no film").toString("base64") }).error, "other data is an error");
  const large = readFileSync(join(__dirname, "data", "coffee.jpg"));
  assert.ok(streaming({ video: Buffer.concat([bytes, large]).toString("base64") }).error, "a frame of another size is an error");
  return found;
}

async function checkDecoder(found, film, store) {
  const decoder = load("decoder");
  const decoded = await decoder({ ...found, ...(store ? { store } : {}) });
  assert.deepEqual([decoded.error, decoded.frames], [undefined, film.frames.length]);
  assert.deepEqual(indicesOf(decoded.keyFrames), film.cuts, "key frames are where scenes begin");
  assert.deepEqual(indicesOf(decoded.otherFrames), [5, 10, 18, 23], "of the others every fifth is looked at");
  assert.equal(
    decoded.keyFrameBytes,
    film.cuts.reduce((sum, cut) => sum + film.frames[cut].length, 0),
  );
  assert.ok((await decoder({})).error, "decoder without a video is an error");
  return decoded;
}

async function checkRecognition(decoded, store) {
  const recognition = load("recognition");
  const bound = store ? { store } : {};
  const other = await recognition({ run: decoded.run, part: "other frames", frames: decoded.otherFrames, ...bound });
  assert.deepEqual([other.error, other.workers, indicesOf(other.frames)], [undefined, 2, [5, 10, 18, 23]]);
  const [hopper, , ...coffee] = labelsOf(other);
  assert.ok(hopper.includes("person"), `Grace Hopper is a person, not ${hopper}`);
  assert.ok(
    coffee.flat().some((label) => ["cup", "dining table"].includes(label)),
    `a cup on a table, not ${coffee}`,
  );
  for (const { score, box } of other.frames.flatMap(({ objects }) => objects))
    assert.ok(score >= 0.2 && score <= 1 && box[2] > 0 && box[3] > 0, "objects have a score and a box");
  const none = await recognition({ run: decoded.run, part: "key frames", frames: [], ...bound });
  assert.deepEqual([none.workers, none.frames], [0, []], "no frames cost nothing");
  assert.ok((await recognition({})).error, "recognition without frames is an error");
  return other;
}

/** What the store holds afterwards is what the functions answered. */
async function checkStore(store, decoded, film, recognised) {
  assert.ok(
    decoded.otherFrames.every(({ id, jpeg }) => id && jpeg === undefined),
    "only ids travel",
  );
  const get = async (id) => fetch(`${store}/${encodeURIComponent(id)}`);
  const result = await (await get(`${decoded.run}-other frames`)).json();
  assert.deepEqual(result.frames, recognised.frames, "results are in the store");
  const frame = await fetch(`${store}/${encodeURIComponent(decoded.keyFrames[1].id)}/jpeg`);
  assert.ok(Buffer.from(await frame.arrayBuffer()).equals(film.frames[film.cuts[1]]), "frames are in the store");
  await assert.rejects(load("recognition")({ run: "x", part: "x", frames: [{ index: 0, id: "missing" }], store }), /answered GET with 404/);
}

/**
 * Rejects with an AssertionError naming the first broken promise, or an Error that says how to build the workload.
 * @param {{store?: string}} [options] address of a CouchDB database without a login, created when missing: checks frames by reference, too
 */
async function selfcheck({ store } = {}) {
  if (!existsSync(join(__dirname, "dist"))) throw new Error("video-analytics is not built: run `npm ci && npm run build` in its folder.");
  checkInputs();
  const film = filmOf(["hopper", 13], ["coffee", 13]);
  const found = checkStreaming(film);
  await checkRecognition(await checkDecoder(found, film));
  if (store === undefined) return;
  const decoded = await checkDecoder(found, film, store);
  await checkStore(store, decoded, film, await checkRecognition(decoded, store));
}

exports.selfcheck = selfcheck;
