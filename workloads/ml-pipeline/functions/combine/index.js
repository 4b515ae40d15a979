/** OpenWhisk action: tests each model and the ensemble of all on the held-out rows. */
const { decodeBytes } = require("../rows.js");

const CLASSES = 10;

/** @returns {number[]} the likeliest digit of each row */
function winners(weights) {
  const rows = weights.length / CLASSES;
  return Array.from({ length: rows }, (_, row) => {
    const own = weights.slice(row * CLASSES, (row + 1) * CLASSES);
    return own.indexOf(Math.max(...own));
  });
}

const accuracyOf = (digits, labels) => digits.filter((digit, row) => digit === labels[row]).length / labels.length;

/**
 * @param {{value: object[]}} params results of the branches, in the order of the composition
 * @returns {{testRows: number, models: object[], ensembleAccuracy: number} | {error: string}}
 */
function main({ value }) {
  if (!Array.isArray(value) || value.length === 0) return { error: "combine needs the results of the branches." };
  const failed = value.findIndex((result) => result?.error !== undefined);
  if (failed >= 0) return { error: `Branch ${failed} failed.` };
  const misplaced = value.findIndex((result, i) => result?.position !== i || result.testLabels !== value[0].testLabels);
  if (misplaced >= 0) return { error: `The result of branch ${misplaced} is missing or out of place.` };
  const labels = decodeBytes(value[0].testLabels);
  const weights = value.map(({ probabilities }) => Array.from(decodeBytes(probabilities)));
  const models = value.map(({ trees, depth, featureFraction, bags }, i) => {
    return { trees, depth, featureFraction, bags, accuracy: accuracyOf(winners(weights[i]), labels) };
  });
  const sums = weights[0].map((_, i) => weights.reduce((sum, weight) => sum + weight[i], 0));
  return { testRows: labels.length, models, ensembleAccuracy: accuracyOf(winners(sums), labels) };
}

exports.main = main;
