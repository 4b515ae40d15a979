/** Runs the built functions of the workload in one process on small inputs and asserts what they promise. For the repository's tests. */
const assert = require("node:assert/strict");
const { generateInputs } = require("./input.js");

/** Those of composition.js. */
const HYPERPARAMETERS = [
  { trees: 4, depth: 3, featureFraction: 0.3, bags: 1 },
  { trees: 10, depth: 4, featureFraction: 0.5, bags: 1 },
  { trees: 20, depth: 6, featureFraction: 0.5, bags: 1 },
  { trees: 30, depth: 8, featureFraction: 0.8, bags: 2 },
];

const ROWS_600_BYTES = 157_400;

const load = (name) => require(`./dist/${name}/index.js`);
const floats = (text) => new Float32Array(new Uint8Array(Buffer.from(text, "base64")).buffer);
const columnOf = (values, columns, column) => Array.from(values).filter((_, i) => i % columns === column);
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

function checkInputs() {
  const options = { count: 12, seed: 42 };
  const inputs = generateInputs(options);
  assert.deepEqual(inputs, generateInputs(options), "the generator is deterministic");
  assert.notDeepEqual(inputs, generateInputs({ ...options, seed: 43 }), "the seed matters");
  const sizes = inputs.map((input) => JSON.stringify(input).length);
  assert.ok(Math.max(...sizes) < 1_000_000, "every input fits into OpenWhisk's payload");
  assert.ok(Math.max(...sizes) / Math.min(...sizes) > 50, "sizes spread over nearly two orders of magnitude, even with 12 inputs");
  const hundred = generateInputs({ count: 100, seed: 42 }).map(({ labels }) => labels.length);
  assert.ok(Math.max(...hundred) / Math.min(...hundred) > 90, "and over two with 100: 30 to 3000 rows");
  assert.equal(new Set(generateInputs({ count: 1, seed: 5, minBytes: 131_000, maxBytes: 131_000 })[0].labels).size, 10, "all digits occur");
  assert.throws(() => generateInputs({ count: 1, seed: 1, minBytes: 5_000, maxBytes: 3_000 }), RangeError);
}

function checkPreprocess(prepared, labels) {
  assert.deepEqual([prepared.rows, prepared.components, prepared.error], [labels.length, 24, undefined]);
  const features = floats(prepared.trainFeatures);
  assert.equal(features.length, labels.length * 0.8 * 24, "four of five rows are for training");
  assert.equal(floats(prepared.testFeatures).length, labels.length * 0.2 * 24);
  const [first, second] = [columnOf(features, 24, 0), columnOf(features, 24, 1)];
  assert.ok(Math.abs(mean(first)) < 0.1, "components are centred on the training rows");
  assert.ok(Math.abs(mean(first.map((value, i) => value * second[i]))) < 1, "components are not correlated");
  assert.ok(prepared.explainedVariance > 0.7 && prepared.explainedVariance < 1, "24 components explain most of the variance");
  const held = Array.from(labels).filter((_, i) => i % 5 === 4);
  assert.equal([...Buffer.from(prepared.testLabels, "base64")].join(""), held.join(""), "labels stay with their rows");
  const { main } = load("preprocess");
  assert.ok(main({}).error, "preprocess without pictures is an error");
  assert.ok(main({ pictures: "AAAA", labels: "0123456789" }).error, "pictures must match the labels");
}

async function checkTrainAndCombine(prepared) {
  const train = load("train").main;
  const combine = load("combine").main;
  const value = [];
  for (const [position, parameters] of HYPERPARAMETERS.entries()) value.push(await train({ ...prepared, ...parameters, position }));
  const result = combine({ value });
  assert.deepEqual([result.error, result.testRows, result.models.length], [undefined, 120, 4]);
  for (const { accuracy, trees } of result.models) assert.ok(accuracy > 0.4, `${trees} trees: ${accuracy} is far above chance`);
  assert.ok(result.models[3].accuracy > result.models[0].accuracy, "more and deeper trees are better");
  assert.ok(result.ensembleAccuracy > 0.75, `the ensemble reaches ${result.ensembleAccuracy}`);
  const again = await train({ ...prepared, ...HYPERPARAMETERS[3], position: 3 });
  assert.deepEqual(again, value[3], "training is deterministic");
  assert.ok((await train({ ...prepared, ...HYPERPARAMETERS[0], featureFraction: 0 })).error, "a feature fraction of 0 is an error");
  assert.ok((await train({})).error, "train without features is an error");
  assert.ok(combine({ value: value.toReversed() }).error, "a result out of place is an error");
  assert.ok(combine({ value: [{ error: "x" }] }).error, "a failed branch is an error");
}

/** Rejects with an AssertionError naming the first broken promise, or an Error that says how to build the workload. */
async function selfcheck() {
  checkInputs();
  const [input] = generateInputs({ count: 1, seed: 7, minBytes: ROWS_600_BYTES, maxBytes: ROWS_600_BYTES });
  const prepared = load("preprocess").main(input);
  checkPreprocess(prepared, input.labels);
  await checkTrainAndCombine(prepared);
}

exports.selfcheck = selfcheck;
