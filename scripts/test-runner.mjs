/**
 * One test file in a process of its own, and what is to be said of it.
 *
 * runner.1  A failure never hides: a process that ends with another status than 0 or by a signal, takes too long, fails in a hook outside of
 *           all tests, or has no test at all, counts as a failure, whatever it has reported.
 * runner.2  What a file leaves behind when it is ended goes with it: it leads a process group of its own.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const REPORTER = fileURLToPath(new URL("./test-reporter.mjs", import.meta.url));
/** A file is the root of its tests, also below another runner. */
const OWN_ENV = { NODE_TEST_CONTEXT: undefined };
/** For output that is still on its way when a process has ended. */
const LAST_WORDS_MS = 5_000;
const running = new Set();

/**
 * Resolves with `{file, ms, output, passed, failed, skipped}`: a count, names, and `{name, reason}`. `onOutput` is given what the file prints as it
 * comes.
 */
export async function runFile(file, { timeoutMs, env = {}, onOutput = () => undefined }) {
  const folder = mkdtempSync(join(tmpdir(), "harvest-test-"));
  const verdicts = join(folder, "verdicts");
  const startMs = performance.now();
  try {
    const { output, end } = await runProcess(
      file,
      { ...process.env, ...env, ...OWN_ENV, HARVEST_TEST_VERDICTS: verdicts },
      { timeoutMs, onOutput },
    );
    return { file, ms: performance.now() - startMs, output, ...judge(readVerdicts(verdicts), end) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Ends every file that runs, and what it has started. */
export function endAll() {
  for (const child of running) killGroup(child);
}

function runProcess(file, env, { timeoutMs, onOutput }) {
  return new Promise((resolve, reject) => {
    const options = [`--test-reporter=${REPORTER}`, "--test-reporter-destination=stdout", file];
    const child = spawn(process.execPath, options, { env, stdio: ["ignore", "pipe", "pipe"], detached: true });
    running.add(child);
    let isLate = false;
    const alarm = setTimeout(() => {
      isLate = true;
      killGroup(child);
    }, timeoutMs);
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text) => {
        output += text;
        onOutput(text);
      });
    child.once("error", reject);
    const closed = new Promise((done) => child.once("close", done));
    child.once("exit", async (status, signal) => {
      clearTimeout(alarm);
      running.delete(child);
      killGroup(child);
      // What has left the group may hold the output open for as long as it lives.
      await Promise.race([closed, sleep(LAST_WORDS_MS, undefined, { ref: false })]);
      resolve({ output, end: isLate ? `it was not over within ${timeoutMs / 1_000} s` : endOf(status, signal) });
    });
  });
}

/** Undefined for a good one. */
function endOf(status, signal) {
  if (signal !== null) return `it was ended by ${signal}`;
  return status === 0 ? undefined : `it ended with status ${status}`;
}

function killGroup(child) {
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}

function readVerdicts(path) {
  let text = "";
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
  // A process that is killed may leave half a line.
  const lines = text.split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line));
}

/** runner.1. Of suites, those count that are skipped whole, and where no test has failed those that fail in a hook. */
export function judge(verdicts, end) {
  const tests = verdicts.filter(({ isSuite, skip }) => !isSuite || skip !== undefined);
  const skipped = tests.filter(({ skip }) => skip !== undefined).map(({ name, skip }) => ({ name, reason: skip }));
  const failed = tests.filter(({ passed, todo }) => !passed || todo !== undefined).map(({ name }) => name);
  if (failed.length === 0)
    failed.push(...verdicts.filter(({ isSuite, passed }) => isSuite && !passed).map(({ name }) => `${name} (a hook)`));
  if (failed.length === 0 && end !== undefined) failed.push(end);
  if (failed.length === 0 && tests.length === 0) failed.push("it has no test");
  const passed = tests.filter((test) => test.passed && test.skip === undefined && test.todo === undefined).length;
  return { passed, failed, skipped };
}
