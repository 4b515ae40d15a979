/** Runs all functions of the workload in one process on small inputs and asserts what they promise. For the repository's tests. */
const assert = require("node:assert/strict");
const { createCipheriv, createHash, hkdfSync } = require("node:crypto");
const aes = require("./functions/aes/index.js");
const combine = require("./functions/combine/index.js");
const split = require("./functions/split/index.js");
const { generateInputs } = require("./input.js");

/** Few iterations: the check is about results, not about cost. */
const ITERATIONS = 3;

const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash("sha256"));

/** What aes must answer for a segment of one part and one block, worked out in another way: one long stream, cut at the end. */
function expectedSha256(segment, position) {
  const block = Buffer.from(segment);
  const key = Buffer.from(hkdfSync("sha256", "parallel-aes", "", `segment ${position}`, 32));
  const stream = createCipheriv("aes-256-ctr", key, sha256(block).digest().subarray(0, 16));
  const all = stream.update(Buffer.concat(Array(ITERATIONS).fill(block)));
  return sha256(sha256(all.subarray((ITERATIONS - 1) * block.length)).digest("hex")).digest("hex");
}

function checkSplit() {
  const [{ text }] = generateInputs({ count: 1, seed: 7, minBytes: 20_000, maxBytes: 20_000 });
  for (const whole of [text, "one", "no-blanks-at-all-in-this-one", "a b", "\u{1F308}".repeat(25)]) {
    const { segments, bytes } = split.main({ text: whole });
    assert.equal(segments.join(""), whole, "split loses nothing");
    assert.equal(segments.length, 3);
    assert.equal(
      segments.reduce((sum, segment) => sum + Buffer.byteLength(segment), 0),
      bytes,
      "no character is cut in two",
    );
  }
  const lengths = split.main({ text }).segments.map((segment) => segment.length / text.length);
  for (const [i, share] of [0.1, 0.3, 0.6].entries()) assert.ok(Math.abs(lengths[i] - share) < 0.01, `segment ${i} has its share`);
  assert.ok(split.main({}).error, "split without a text is an error");
}

async function checkAes() {
  const segment = "All colours in the Universe which are made by Light.";
  const small = await aes.main({ position: 1, segment, totalBytes: 1, iterations: ITERATIONS });
  assert.equal(small.sha256, expectedSha256(segment, 1), "the ciphertext is AES-256's");
  assert.equal(small.checksum, sha256(sha256(segment).digest("hex")).digest("hex"), "the round trip gives the segment back");
  assert.deepEqual([small.bytes, small.workers], [Buffer.byteLength(segment), 1]);
  const workersOf = async (bytes) => (await aes.main({ position: 0, segment: "x".repeat(bytes), iterations: 1 })).workers;
  assert.deepEqual(
    [await workersOf(24_576), await workersOf(24_577), await workersOf(120_000)],
    [1, 2, 4],
    "workers grow with the segment",
  );
  assert.ok((await aes.main({ position: 0 })).error, "aes without a segment is an error");
}

async function checkCombine() {
  const [{ text }] = generateInputs({ count: 1, seed: 3, minBytes: 4_000, maxBytes: 4_000 });
  const { segments, bytes } = split.main({ text });
  const branch = (segment, position) => aes.main({ position, segment, totalBytes: bytes, iterations: ITERATIONS });
  const value = await Promise.all(segments.map(branch));
  const whole = combine.main({ value });
  assert.deepEqual([whole.segments, whole.bytes, whole.error], [3, Buffer.byteLength(text), undefined], "the bytes add up");
  assert.equal(combine.main({ value: await Promise.all(segments.map(branch)) }).digest, whole.digest, "equal inputs give equal digests");
  assert.ok(combine.main({ value: value.slice(0, 2) }).error, "a missing segment is an error");
  assert.ok(combine.main({ value: value.toReversed() }).error, "a segment out of place is an error");
  assert.ok(combine.main({ value: [{ error: "x" }] }).error, "a failed branch is an error");
}

function checkInputs() {
  const options = { count: 12, seed: 42, minBytes: 2_000, maxBytes: 200_000 };
  const inputs = generateInputs(options);
  assert.deepEqual(inputs, generateInputs(options), "the generator is deterministic");
  assert.notDeepEqual(inputs, generateInputs({ ...options, seed: 43 }), "the seed matters");
  const sizes = inputs.map(({ text }) => Buffer.byteLength(text));
  const [smallest, largest] = [Math.min(...sizes), Math.max(...sizes)];
  assert.ok(smallest >= 1_900 && largest <= 200_000, `sizes ${smallest}..${largest} lie in the range`);
  const strata = new Set(sizes.map((size) => Math.floor((Math.log10(size / 2_000) / 2) * 4)));
  assert.ok(
    [0, 1, 2, 3].every((quarter) => strata.has(quarter)),
    "sizes spread over two orders of magnitude",
  );
  assert.notDeepEqual(
    sizes,
    sizes.toSorted((a, b) => a - b),
    "the order is shuffled",
  );
  assert.ok(
    inputs.every(({ text }) => !text.includes("\ufffd")),
    "no character is cut in two",
  );
  const hundred = generateInputs({ count: 100, seed: 42 }).map(({ text }) => Buffer.byteLength(text));
  assert.ok(Math.max(...hundred) / Math.min(...hundred) > 90, "by default, too: 2 to 200 kB");
  assert.throws(() => generateInputs({ count: 1, seed: 1, minBytes: 10, maxBytes: 5 }), RangeError);
}

/** Rejects with an AssertionError naming the first broken promise. */
async function selfcheck() {
  checkInputs();
  checkSplit();
  await checkAes();
  await checkCombine();
}

exports.selfcheck = selfcheck;
