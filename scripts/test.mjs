/**
 * Runs every compiled test (`<room>/dist/**\/*.test.js`, a room being a workspace of package.json), several files side by side: one more than
 * there are CPUs, for most of them wait as often as they work, or HARVEST_TEST_JOBS. Those that are minutes of load run with CI=true, in a
 * soak, or when they are named, and are told at the end where they did not. Those that measure CPU run alone, after the others (scripts/test-files.mjs). Arguments narrow the run to
 * the files whose path contains one of them.
 *
 * Ends with the time that each room took, failed tests, skipped tests with their reasons, and one plain line: N passed, N failed, N skipped.
 * With HARVEST_TEST_NO_SKIPS=1 a skipped test fails the run, for CI has everything; but not one that is run by request alone, whose reason
 * begins with "by request".
 *
 * HARVEST_SOAK=1 (`npm run soak`) runs the soak-capable tests only, one after another and each of them whole: the files that ask the test
 * kit's `casesOf` for their size.
 */
import { availableParallelism } from "node:os";
import { testFiles } from "./test-files.mjs";
import { endAll, runFile } from "./test-runner.mjs";

const isSoak = process.env.HARVEST_SOAK === "1";
const isCi = process.env.CI === "true";
const JOBS = Number(process.env.HARVEST_TEST_JOBS) || availableParallelism() + 1;
/** A virtual machine boots in one of them, on a busy machine; in a soak two hours of load are one. */
const TIMEOUT_MS = isSoak ? 10_800_000 : 600_000;
const BY_REQUEST = /^by request\b/;

const wanted = process.argv.slice(2);
const all = testFiles()
  .filter(({ isSoakable }) => !isSoak || isSoakable)
  .filter(({ path }) => wanted.length === 0 || wanted.some((part) => path.includes(part)));
const isLeftOut = ({ isForCi }) => isForCi && !isCi && !isSoak && wanted.length === 0;
const files = all.filter((file) => !isLeftOut(file));

const startMs = performance.now();
let isOver = false;
for (const signal of ["SIGINT", "SIGTERM"])
  process.once(signal, () => {
    isOver = true;
    process.exitCode = 1;
    endAll();
  });

const env = { HARVEST_TEST_RUN: `${process.pid}-${Date.now()}` };
const engine = files.some(({ needsEngine }) => needsEngine) ? await provideEngine() : undefined;
if (engine) env.HARVEST_TEST_DOCKER_HOST = `unix://${engine.socketPath}`;
const results = [];
try {
  const alone = files.filter(({ isAlone }) => isAlone || isSoak);
  const others = files.filter((file) => !alone.includes(file));
  others.sort((a, b) => Number(b.isEarly) - Number(a.isEarly));
  await runAll(others, JOBS);
  await runAll(alone, 1);
} finally {
  await engine?.close();
}
report();

/** One engine for all files: to start one takes each of them some seconds. */
async function provideEngine() {
  const { startEngineIfNone } = await import("../lib/testkit/dist/docker/engine.js");
  return await startEngineIfNone();
}

async function runAll(queue, jobs) {
  const left = [...queue];
  const worker = async () => {
    for (let file = left.shift(); file !== undefined && !isOver; file = left.shift()) await runOne(file, jobs === 1 || queue.length === 1);
  };
  await Promise.all(Array.from({ length: Math.min(jobs, queue.length) }, worker));
}

/** Files that run side by side are printed whole when they end; one that runs by itself as it goes. */
async function runOne({ path, room }, isByItself) {
  const onOutput = isByItself ? (text) => process.stdout.write(text) : undefined;
  if (isByItself) console.log(`${path}`);
  const result = await runFile(path, { timeoutMs: TIMEOUT_MS, env, ...(onOutput && { onOutput }) });
  results.push({ ...result, room });
  const seconds = `${(result.ms / 1_000).toFixed(1)} s`;
  if (isByItself) console.log(`${seconds}\n`);
  else process.stdout.write(`${path} ${seconds}\n${result.output}\n`);
}

function report() {
  printTimes();
  const failed = results.flatMap((result) => result.failed.map((name) => `${result.file}: ${name}`));
  const skipped = results.flatMap((result) => result.skipped);
  if (files.length === 0) failed.push("no test file is so called");
  const unrun = files.length - results.length;
  if (unrun > 0) failed.push(`${unrun} files were not run`);
  for (const name of failed) console.log(`failed: ${name}`);
  for (const { path } of all.filter(isLeftOut))
    console.log(`left out: ${path} (minutes of load: CI=true runs it, or its name as an argument)`);
  for (const { name, reason } of skipped) console.log(`skipped: ${name} (${reason})`);
  const passed = results.reduce((sum, result) => sum + result.passed, 0);
  console.log(`${passed} passed, ${failed.length} failed, ${skipped.length} skipped`);
  const skipsFail = process.env.HARVEST_TEST_NO_SKIPS === "1" && skipped.some(({ reason }) => !BY_REQUEST.test(reason));
  if (failed.length > 0 || skipsFail) process.exitCode = 1;
}

/** Of each room, and of the whole as the clock has it: files run side by side. */
function printTimes() {
  const seconds = (ms) => (ms / 1_000).toFixed(1);
  const rooms = [...new Set(files.map(({ room }) => room))].map((room) => {
    const own = results.filter((result) => result.room === room);
    return [room, own.length, own.reduce((sum, { passed }) => sum + passed, 0), seconds(own.reduce((sum, { ms }) => sum + ms, 0))];
  });
  const rows = [["room", "files", "passed", "seconds"], ...rooms, ["together", results.length, "", seconds(performance.now() - startMs)]];
  const width = Math.max(...rows.map(([name]) => name.length));
  for (const [name, ...figures] of rows)
    console.log(`${name.padEnd(width)}${figures.map((figure) => String(figure).padStart(10)).join("")}`);
}
