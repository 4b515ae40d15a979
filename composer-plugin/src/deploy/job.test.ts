/** Job files and the code they name: what is accepted, and that all mistakes are told at once. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { HarvestError } from "@openwhisk-harvest/core";
import { unzipSync } from "fflate";
import { loadComposition } from "./composition.js";
import { annotationsOf, type JobFunction, readJob } from "./job.js";
import { readFunctionCode } from "./source.js";

const folder = mkdtempSync(join(tmpdir(), "composer-job-"));
after(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string): string {
  const file = join(folder, name);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, text);
  return file;
}

function refusal(work: () => unknown): HarvestError {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof HarvestError);
    return error;
  }
  assert.fail("it was accepted");
}

write("composition.js", "module.exports = require('openwhisk-composer').sequence('a');");
write("a.js", "function main() { return {}; }");
const GOOD = `
name: job
composition: composition.js
functions:
  - { name: a, kind: "nodejs:20", source: a.js, cpu: 0.5, memory: 256, timeout: 30000, harvest: observe }
`;

test("Verifies that a good job file is read", () => {
  const job = readJob(write("good.yaml", GOOD));
  assert.equal(job.name, "job");
  assert.equal(job.folder, folder);
  assert.deepEqual(job.functions, [
    { name: "a", kind: "nodejs:20", source: "a.js", cpu: 0.5, memory: 256, timeout: 30000, harvest: "observe" },
  ]);
});

test("Verifies that all wrong fields are told at once, with the file", () => {
  const file = write(
    "bad.yaml",
    `
name: "/no name"
composition: 5
speed: fast
functions:
  - { name: a, kind: "Node JS", source: a.js, cpu: -1, memory: 0.5 }
  - { name: b, kind: "nodejs:20", memory: 256 }
`,
  );
  const error = refusal(() => readJob(file));
  assert.equal(error.code, "OWH_BAD_JOB");
  for (const field of [
    "bad.yaml",
    "name:",
    "composition:",
    "speed",
    "functions[0].kind",
    "functions[0].cpu",
    "functions[0].memory",
    "functions[1].source",
  ])
    assert.ok(error.message.includes(field), `${field} in ${error.message}`);
});

test("Verifies that all files that are missing and names that are repeated are told at once", () => {
  const functions = ["a", "a", "job"].map((name, i) => `  - { name: ${name}, kind: "nodejs:20", source: missing-${i}.js, memory: 256 }`);
  const text = `name: job\ncomposition: nowhere.js\ninputs: never.js\nfunctions:\n${functions.join("\n")}\n`;
  const { code, message } = refusal(() => readJob(write("missing.yaml", text)));
  assert.equal(code, "OWH_BAD_JOB");
  for (const said of [
    "nowhere.js",
    "never.js",
    "missing-0.js",
    "missing-1.js",
    "missing-2.js",
    "functions[1].name: a is taken",
    "functions[2].name: job is",
  ])
    assert.ok(message.includes(said), `${said} in ${message}`);
});

test("Verifies that bounds are read, become annotations, and are refused on the wrong side of the user allocation", () => {
  const job = (bounds: string) =>
    write(
      "bounds.yaml",
      `name: j\ncomposition: a.js\nfunctions:\n  - { name: a, kind: "nodejs:20", source: a.js, cpu: 1, memory: 256, ${bounds} }\n`,
    );
  const [one] = readJob(job("harvest: true, min: { cpu: 0.5 }, max: { cpu: 2, memory: 512 }")).functions;
  assert.deepEqual(annotationsOf(one as JobFunction), [
    { key: "cpu", value: 1 },
    { key: "harvest", value: true },
    { key: "harvest-min", value: { cpuCores: 0.5 } },
    { key: "harvest-max", value: { cpuCores: 2, memoryMb: 512 } },
  ]);
  for (const [bounds, said] of [
    ["min: { cpu: 1.5 }", "functions[0]: The minimum of 1.5 cores is above"],
    ["max: { memory: 128 }", "functions[0]: The maximum of 128 MB is below"],
    ["min: { cores: 1 }", "functions[0].min"],
    ["max: { cpu: -1 }", "functions[0].max.cpu"],
  ] as const) {
    const { code, message } = refusal(() => readJob(job(bounds)));
    assert.equal(code, "OWH_BAD_JOB");
    assert.ok(message.includes(said), message);
  }
});

test("Verifies that what is no YAML, empty or absent is a bad job", () => {
  for (const text of ["a: [", "", "- 1", "text"]) assert.equal(refusal(() => readJob(write("odd.yaml", text))).code, "OWH_BAD_JOB");
  const { code, message } = refusal(() => readJob(join(folder, "none.yaml")));
  assert.equal(code, "OWH_BAD_JOB");
  assert.match(message, /none\.yaml does not exist/);
});

const fn = (source: string, rest: Partial<JobFunction> = {}): JobFunction => ({
  name: "f",
  kind: "nodejs:20",
  memory: 256,
  source,
  ...rest,
});

test("Verifies that a file and a folder with a single index.js are plain source", () => {
  write("single/index.js", "exports.main = () => ({})");
  assert.deepEqual(readFunctionCode(folder, fn("single")).exec, { kind: "nodejs:20", code: "exports.main = () => ({})" });
  const { exec } = readFunctionCode(folder, fn("a.js", { main: "handler" }));
  assert.deepEqual(exec, { kind: "nodejs:20", code: "function main() { return {}; }", main: "handler" });
});

test("Verifies that a folder of several files is an archive that depends on its files only", () => {
  write("many/index.js", "exports.main = require('./lib/help').main");
  write("many/lib/help.js", "exports.main = () => ({})");
  write("many/.hidden", "not a part");
  const { exec, hash } = readFunctionCode(folder, fn("many"));
  assert.equal(exec.binary, true);
  const files = unzipSync(Buffer.from(exec.code ?? "", "base64"));
  assert.deepEqual(Object.keys(files).sort(), ["index.js", "lib/help.js"]);
  assert.equal(Buffer.from(files["lib/help.js"] as Uint8Array).toString(), "exports.main = () => ({})");
  write("many/index.js", "exports.main = require('./lib/help').main"); // a new time, the same text
  assert.equal(readFunctionCode(folder, fn("many")).hash, hash);
  write("many/index.js", "exports.main = 1");
  assert.notEqual(readFunctionCode(folder, fn("many")).hash, hash);
});

test("Verifies that an empty folder is a bad source", () => {
  mkdirSync(join(folder, "empty"), { recursive: true });
  assert.equal(refusal(() => readFunctionCode(folder, fn("empty"))).code, "OWH_BAD_JOB");
});

test("Verifies that a composition is loaded with our composer, helpers included, and anew each time", () => {
  write("helper.js", "const composer = require('openwhisk-composer'); module.exports = (...names) => composer.sequence(...names);");
  const file = write("helped.js", "module.exports = require('./helper')('a', 'b');");
  assert.match(JSON.stringify(loadComposition(file).composition), /"\/_\/a".*"\/_\/b"/);
  write("helper.js", "module.exports = () => 'c';");
  assert.deepEqual(loadComposition(file).composition.name, "/_/c");
});

test("Verifies that what is no composition is told with its reason", () => {
  for (const [text, reason] of [
    ["module.exports = 5;", /Invalid argument/],
    ["module.exports = {", /Unexpected/],
    ["throw new Error('of its own');", /of its own/],
    ["require('./nowhere');", /nowhere/],
  ] as const) {
    const error = refusal(() => loadComposition(write("wrong.js", text)));
    assert.equal(error.code, "OWH_BAD_COMPOSITION");
    assert.match(error.message, reason);
  }
});
