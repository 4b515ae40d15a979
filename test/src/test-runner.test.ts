/** scripts/test-runner.mjs: what a test file comes to, whatever its process does (runner.1, runner.2). */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { isAlive } from "@openwhisk-harvest/core";
import { eventually } from "@openwhisk-harvest/testkit";

interface Result {
  readonly output: string;
  readonly passed: number;
  readonly failed: readonly string[];
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
}
interface Runner {
  runFile(file: string, options: { timeoutMs: number }): Promise<Result>;
}

const { runFile } = (await import(new URL("../../scripts/test-runner.mjs", import.meta.url).href)) as Runner;
const folder = mkdtempSync(join(tmpdir(), "harvest-runner-"));
after(() => rmSync(folder, { recursive: true }));

async function resultOf(code: string, timeoutMs = 60_000): Promise<Result> {
  const file = join(folder, `${Math.random()}.test.mjs`);
  writeFileSync(file, `import { after, before, describe, it, test } from "node:test";\n${code}`);
  return runFile(file, { timeoutMs });
}

const BROKEN: readonly [name: string, code: string, failed: RegExp][] = [
  ["breaks before its first test", `throw new Error("broken"); test("never", () => undefined);`, /^it ended with status 1$/],
  [
    "ends with another status, though its tests passed",
    `test("fine", () => undefined); process.on("exit", () => { process.exitCode = 3 });`,
    /^it ended with status 3$/,
  ],
  ["is killed", `test("dies", () => process.kill(process.pid, "SIGKILL"));`, /^it was ended by SIGKILL$/],
  ["has no test", "", /^it has no test$/],
  ["ends before its tests do", `test("waits", () => new Promise(() => undefined)); process.exit(0);`, /^it has no test$/],
  ["breaks after its last test", `test("fine", () => { setTimeout(() => { throw new Error("late") }, 20) });`, /^it ended with status 1$/],
  [
    "breaks in a hook after its tests",
    `describe("suite", () => { after(() => { throw new Error("broken") }); it("fine", () => undefined); });`,
    /^suite \(a hook\)$/,
  ],
  ["breaks in a hook of the file", `after(() => { throw new Error("broken") }); test("fine", () => undefined);`, /\.test\.mjs$/],
];

describe("a test file that", () => {
  for (const [name, code, failed] of BROKEN)
    it(`${name} has failed (runner.1)`, async () => {
      const result = await resultOf(code);
      assert.equal(result.failed.length, 1, result.output);
      assert.match(String(result.failed), failed);
    });

  it("takes too long is ended, with what it has started, and has failed (runner.1, runner.2)", async () => {
    const pidFile = join(folder, "pid");
    const code = `
      import { spawn } from "node:child_process";
      import { writeFileSync } from "node:fs";
      test("hangs", async () => {
        const child = spawn(process.execPath, ["-e", "setInterval(() => undefined, 1000)"], { stdio: "inherit" });
        writeFileSync(${JSON.stringify(pidFile)}, String(child.pid));
        await new Promise(() => setInterval(() => undefined, 1000));
      });`;
    const { failed, passed } = await resultOf(code, 5_000);
    assert.deepEqual([failed, passed], [["it was not over within 5 s"], 0]);
    const pid = Number(readFileSync(pidFile, "utf8"));
    await eventually(() => !isAlive(pid), "the child is gone");
  });

  it("fails in one test has failed in that alone", async () => {
    const code = `
      describe("suite", () => { it("fails", () => { throw new Error("broken") }); it("passes", () => undefined); });
      test("outer", async (t) => { await t.test("inner", () => undefined); });`;
    const { failed, passed } = await resultOf(code);
    assert.deepEqual([failed, passed], [["fails"], 3]);
  });

  it("skips has its reasons told, and what is to be done counts as failed", async () => {
    const code = `
      test("skips", { skip: "no engine" }, () => undefined);
      describe("skips all", { skip: "no broker" }, () => { it("never", () => undefined); });
      test("todo", { todo: "later" }, () => undefined);
      test("passes", () => undefined);`;
    const { failed, passed, skipped } = await resultOf(code);
    assert.deepEqual(
      [failed, passed, skipped],
      [
        ["todo"],
        1,
        [
          { name: "skips", reason: "no engine" },
          { name: "skips all", reason: "no broker" },
        ],
      ],
    );
  });
});
