/** Builds what is deployed: one bundle per function, XGBoost's WebAssembly beside train's, and the data set in its small form. */
const { copyFileSync, mkdirSync, rmSync, writeFileSync } = require("node:fs");
const { dirname, join } = require("node:path");
const { buildSync } = require("esbuild");

const DIST = join(__dirname, "dist");
const DIGITS = 10;
/** Of the data set's pictures; every 2 x 2 of its pixels become one. */
const SIDE = 28;

const bundle = (entry) =>
  buildSync({
    entryPoints: [join(__dirname, "functions", entry)],
    outfile: join(DIST, entry),
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    minify: true,
    legalComments: "inline",
    logLevel: "warning",
  });

/** @returns {Buffer} 14 x 14 bytes, 0 (white) to 255 (black) */
function halved(pixels) {
  const half = SIDE / 2;
  return Buffer.from(
    Array.from({ length: half * half }, (_, i) => {
      const corner = 2 * Math.floor(i / half) * SIDE + 2 * (i % half);
      const sum = pixels[corner] + pixels[corner + 1] + pixels[corner + SIDE] + pixels[corner + SIDE + 1];
      return Math.round((sum / 4) * 255);
    }),
  );
}

/** All pictures as records of 197 bytes: the label, then the pixels. */
function digitRecords() {
  return Array.from({ length: DIGITS }, (_, label) => {
    const { data } = require(`mnist/src/digits/${label}.json`);
    const count = Math.floor(data.length / SIDE ** 2);
    return Array.from({ length: count }, (_, i) =>
      Buffer.concat([Buffer.of(label), halved(data.slice(i * SIDE ** 2, (i + 1) * SIDE ** 2))]),
    );
  }).flat();
}

rmSync(DIST, { recursive: true, force: true });
for (const entry of ["preprocess/index.js", "train/index.js", "train/worker.js", "combine/index.js"]) bundle(entry);
const wasm = join(dirname(require.resolve("ml-xgboost/package.json")), "dist", "wasm", "xgboost.wasm");
copyFileSync(wasm, join(DIST, "train", "xgboost.wasm"));
mkdirSync(join(DIST, "data"));
writeFileSync(join(DIST, "data", "digits.bin"), Buffer.concat(digitRecords()));
