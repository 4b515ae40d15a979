/**
 * `npm run bench [name ...]`: measures and prints; with `--write` it also writes docs/benchmarks.md, which is never edited by hand:
 * the section of each bench as soon as it has ended, the others stay. With `--quick` what takes long measures less.
 * These are figures, not tests: nothing here passes or fails.
 *
 * Each bench has a process of its own: it finds the machine as it would alone, and one that breaks costs no other its figures. The
 * exit status is 1 when one broke, 2 when the only one that was named needs what is not here.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { BENCH_FLAGS, BENCHES, type Bench, type BenchOptions } from "./benches.js";
import { eachApart, SKIPPED } from "./each-apart.js";
import { MissingHere } from "./missing.js";
import { pageOf } from "./pages.js";

const PAGE = new URL("../../docs/benchmarks.md", import.meta.url);

const given = process.argv.slice(2);
const flags = given.filter((argument) => argument.startsWith("--"));
const names = given.filter((argument) => !argument.startsWith("--"));
const unknown = [...names.filter((name) => !BENCHES[name]), ...flags.filter((flag) => !BENCH_FLAGS.includes(flag))];

if (unknown.length > 0) {
  process.stderr.write(
    `error: unknown: ${unknown.join(" ")}. There are ${Object.keys(BENCHES).join(", ")}; and ${BENCH_FLAGS.join(", ")}.\n`,
  );
  process.exitCode = 1;
} else {
  const [bench] = names.length === 1 ? names.flatMap((name) => BENCHES[name] ?? []) : [];
  if (bench) await runBench(bench, { quick: flags.includes("--quick"), write: flags.includes("--write") }).catch(skip);
  else runEach(names.length > 0 ? names : Object.keys(BENCHES));
}

async function runBench(bench: Bench, options: BenchOptions): Promise<void> {
  const section = `## ${bench.title}\n\n${await bench.run(options)}\n\nNot measured: ${bench.notMeasured}.\n`;
  process.stdout.write(`${section}\n`);
  if (options.write) writePage(bench.title, section);
}

function skip(error: unknown): void {
  if (!(error instanceof MissingHere)) throw error;
  process.stderr.write(`skipped: ${names[0]}: ${error.message}\n`);
  process.exitCode = SKIPPED;
}

function runEach(wanted: readonly string[]): void {
  const main = fileURLToPath(import.meta.url);
  const { broken, skipped } = eachApart(wanted, (name) => spawnSync(process.execPath, [main, name, ...flags], { stdio: "inherit" }).status);
  if (skipped.length > 0) process.stderr.write(`skipped: ${skipped.join(", ")}\n`);
  if (broken.length === 0) return;
  process.stderr.write(`error: broken: ${broken.join(", ")}; the others have their figures\n`);
  process.exitCode = 1;
}

function writePage(title: string, section: string): void {
  const machine = `${availableParallelism()} x ${cpus()[0]?.model ?? "unknown"}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}, ${process.platform}`;
  const head = `# Benchmarks\n<!-- Written by \`npm run bench -- --write\`; do not edit. -->\n\nMachine: ${machine}. A shared, noisy machine: compare ratios, not single figures.\n`;
  const before = existsSync(PAGE) ? readFileSync(PAGE, "utf8") : "";
  const titles = Object.values(BENCHES).map((one) => one.title);
  writeFileSync(PAGE, pageOf(head, titles, new Map([[title, section]]), before));
}
