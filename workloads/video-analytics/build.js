/** Builds what is deployed: one bundle per function, and beside recognition's the network and the WebAssembly that runs it. */
const { copyFileSync, rmSync } = require("node:fs");
const { join } = require("node:path");
const { buildSync } = require("esbuild");

const DIST = join(__dirname, "dist");
/** With and without SIMD instructions; the loader takes the one that the processor has. */
const WASM_FILES = ["tfjs-backend-wasm.wasm", "tfjs-backend-wasm-simd.wasm"];

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
    logLevel: "error",
  });

const folderOf = (name) => join(__dirname, "node_modules", name);
const addToRecognition = (folder, file) => copyFileSync(join(folder, file), join(DIST, "recognition", file));

rmSync(DIST, { recursive: true, force: true });
for (const entry of ["streaming/index.js", "decoder/index.js", "recognition/index.js", "recognition/worker.js"]) bundle(entry);
for (const file of ["centernet.json", "centernet.bin"]) addToRecognition(join(folderOf("@vladmandic/human"), "models"), file);
for (const file of WASM_FILES) addToRecognition(join(folderOf("@tensorflow/tfjs-backend-wasm"), "dist"), file);
