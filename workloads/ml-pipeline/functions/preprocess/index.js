/** OpenWhisk action: splits handwritten digits into rows to learn from and rows to test with, and reduces their dimensions. */
const { PCA } = require("ml-pca");
const { decodeBytes, encodeBytes, encodeFloats, toRows } = require("../rows.js");

/** Pixels of a picture: 14 x 14. */
const PIXELS = 196;
/** Principal components that are kept; with 3000 rows they explain 79 % of the variance. */
const COMPONENTS = 24;
/** Every fifth row is held out for the test. */
const TEST_STEP = 5;

/** @returns {string | undefined} what is wrong with the input */
function mistakeIn(pixels, labels) {
  if (labels.length < 2 * TEST_STEP) return `preprocess needs at least ${2 * TEST_STEP} rows, not ${labels.length}.`;
  if (pixels.length !== labels.length * PIXELS)
    return `${labels.length} labels need ${labels.length * PIXELS} bytes of pictures, not ${pixels.length}.`;
  return /^\d+$/.test(labels) ? undefined : "labels must be digits.";
}

/**
 * The components are fitted to the training rows alone: the test rows must not leak into the models.
 * @param {{pictures: string, labels: string}} params base64 of 196 bytes a row; one digit a row
 * @returns {{rows: number, components: number, explainedVariance: number, trainFeatures: string, trainLabels: string,
 *   testFeatures: string, testLabels: string} | {error: string}}
 */
function main({ pictures, labels }) {
  if (typeof pictures !== "string" || typeof labels !== "string") return { error: "preprocess needs pictures and labels." };
  const pixels = decodeBytes(pictures);
  const mistake = mistakeIn(pixels, labels);
  if (mistake) return { error: mistake };
  const rows = toRows(pixels, PIXELS);
  const isTest = (_, i) => i % TEST_STEP === TEST_STEP - 1;
  const isTrain = (row, i) => !isTest(row, i);
  const digits = Array.from(labels, Number);
  const pca = new PCA(rows.filter(isTrain), { method: "covarianceMatrix", center: true, scale: false });
  const reduce = (some) => encodeFloats(pca.predict(some, { nComponents: COMPONENTS }).to1DArray());
  const explained = pca.getExplainedVariance().slice(0, COMPONENTS);
  return {
    rows: rows.length,
    components: COMPONENTS,
    explainedVariance: explained.reduce((sum, share) => sum + share, 0),
    trainFeatures: reduce(rows.filter(isTrain)),
    trainLabels: encodeBytes(digits.filter(isTrain)),
    testFeatures: reduce(rows.filter(isTest)),
    testLabels: encodeBytes(digits.filter(isTest)),
  };
}

exports.main = main;
