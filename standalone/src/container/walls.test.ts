/** Walls around the runtimes of this host, wherever they are installed. What an action meets behind them: test/src/attack. */
import assert from "node:assert/strict";
import { chmod, copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { detectEnforcement } from "@openwhisk-harvest/cgroup";
import { RecordingLogger } from "@openwhisk-harvest/testkit";
import { offeredKinds } from "./kinds.js";
import { createProcessDriver } from "./process-driver.js";

const LIMITS = { timeoutMs: 20_000, maxResponseBytes: 1 << 20 };

test("walls.W2: a program that is installed below /tmp runs all the same, and its folder cannot be written", async () => {
  const workDir = await mkdtemp(join("/tmp", "owh-t"));
  await chmod(workDir, 0o711);
  const enforcer = await detectEnforcement();
  const logger = new RecordingLogger();
  const installed = join(workDir, "in stalled", "bin", "node");
  await mkdir(dirname(installed), { recursive: true });
  await copyFile(process.execPath, installed);
  const kinds = offeredKinds().flatMap((kind) => (kind.family === "nodejs" ? { ...kind, executable: installed } : []));
  const here = await createProcessDriver({ enforcer, logger, workDir: join(workDir, "i"), kinds });
  const usual = await createProcessDriver({ enforcer, logger, workDir: join(workDir, "u") });
  assert.equal(here.walled, usual.walled);
  const container = await here.create({ name: "guest/t", kind: "nodejs:20", memoryLimitMb: 256, environment: {} });
  const code = `function main({ folder }) {
    try { require('fs').writeFileSync(folder + '/mark', 'x') } catch ({ code }) { return { by: process.execPath, code } } }`;
  await container.initialize({ value: { name: "t", main: "main", code, binary: false } }, LIMITS);
  const { outcome } = await container.run({ value: { folder: dirname(installed) } }, LIMITS);
  assert.ok(outcome.type === "answer", `no answer but ${outcome.type}`);
  const { by, code: refused } = JSON.parse(outcome.body) as { by: string; code: string };
  assert.equal(by, installed);
  if (here.walled) assert.equal(refused, "EROFS");
  for (const driver of [here, usual]) await driver.close();
  await enforcer.close();
  await rm(workDir, { recursive: true });
});
