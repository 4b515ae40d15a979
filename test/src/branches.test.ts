/** Branches that are sequences, and a map: described, deployed with true words, harvested, and explained. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type DagDescription, inputBytesOf, observationInLogs, type Profile, systemClock } from "@openwhisk-harvest/core";
import { writeStackFile } from "@openwhisk-harvest/laptop";
import { readRunActivations, trainFromStores } from "@openwhisk-harvest/profiler";
import { withoutControlGroups } from "@openwhisk-harvest/testkit/cgroup";
import { startTestStack, type TestStack } from "./stack.kit.js";

const HARVEST = fileURLToPath(new URL("../../cli/bin/harvest.js", import.meta.url));
const run = promisify(execFile);
const skip = await withoutControlGroups();

/** The results of the branches are the items of the map; `varies` is a branch of which nothing can be told beforehand. */
const COMPOSITION = `
const composer = require('openwhisk-composer');
const varies = composer.if((params) => params.pad.length > 0, "varied", "varied");
module.exports = composer.sequence(composer.parallel(composer.sequence("clean", "score"), "count", varies), composer.map("item"));
`;
const NAMES = ["clean", "score", "count", "varied", "item"];
const USER = { cpuCores: 0.5, memoryMb: 256 };
/** What each function needs by its profiles, and what policy `paper` therefore gives it. */
const NEEDS: Readonly<Record<string, number>> = { clean: 0.25, score: 0.25, count: 0.75, varied: 0.25, item: 0.25 };
const SMALL_MB = 128;
const ATTEMPTS = 40;
const INPUT = { pad: "x".repeat(1_000) };

function writeJob(folder: string): string {
  writeFileSync(join(folder, "composition.js"), COMPOSITION);
  mkdirSync(join(folder, "f"));
  writeFileSync(join(folder, "f", "index.js"), "exports.main = (params) => ({ pad: params.pad });");
  const functions = NAMES.map(
    (name) => `  - { name: ${name}, kind: "nodejs:20", source: f, cpu: ${USER.cpuCores}, memory: ${USER.memoryMb} }`,
  );
  const file = join(folder, "job.yaml");
  writeFileSync(file, `name: branches\ncomposition: composition.js\nfunctions:\n${functions.join("\n")}\n`);
  return file;
}

/** Of runs around what is invoked here: the run itself, and the map's items together. */
function profilesOf(dag: DagDescription, { grid }: TestStack["stack"]): Profile[] {
  const id = () => randomBytes(16).toString("hex");
  const least = inputBytesOf(INPUT) * 0.8;
  return Array.from({ length: 60 }, (_, at) => Math.round(least * 1.03 ** at)).flatMap((dagInputBytes, at) => {
    const root = id();
    return dag.functions.map((fn): Profile => {
      const cpuPeakCores = (NEEDS[fn.name.split("/").at(-1) ?? ""] as number) - 0.05;
      const limits = { cpuCores: 2, memoryMb: 2048 };
      return {
        ...{ v: 1, namespace: dag.namespace, dag: dag.name, dagVersion: dag.version, root },
        ...{ functionIndex: fn.index, stage: fn.stage, dagInputBytes, functionInputBytes: dagInputBytes },
        ...{ grid, startMs: at, endMs: at + 100 },
        observation: {
          ...{ v: 1, activationId: id(), mode: "profile", enforcement: "cgroup-v1", allocated: limits, user: limits, cold: false },
          ...{ durationMs: 100, cpuTimeMs: 100 * cpuPeakCores, cpuMeanCores: cpuPeakCores, cpuPeakCores, throttledMs: 0 },
          ...{ memoryPeakMb: 60, samples: 10, outcome: "success" },
        },
      };
    });
  });
}

describe("sequence branches and a map", { skip }, () => {
  let up: TestStack;
  let dag: DagDescription;
  let folder: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "branches-"));
    const grid = ["grid.cpuCores.min=0.25", "grid.cpuCores.max=2", "grid.cpuCores.step=0.25"];
    up = await startTestStack([...grid, "decision.policy=paper"]);
    writeStackFile(up.stack);
  });
  after(async () => {
    await up?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const harvest = async (...words: string[]): Promise<string> => {
    const { stdout } = await run(process.execPath, [HARVEST, ...words, "--data-dir", up.stack.config.dataDir]);
    return stdout;
  };

  it("are deployed with what the sidecar will do, in words", async () => {
    const said = await harvest("deploy", writeJob(folder));
    dag = (await up.stack.stores.dags.get("guest", "branches")) as DagDescription;
    assert.deepEqual(
      dag.stages.map(({ kind, branches }) => [kind, branches]),
      [
        ["parallel", ["sequence", "action", "varying"]],
        ["map", ["action"]],
      ],
    );
    assert.match(said, /^ok: parallel stage \[0\]: 2 of 3 branches share$/m);
    assert.match(said, /^ok: map stage \[1\]: its items share; it is decided when it forks, with the sizes of its items$/m);
    const kept = said.split("\n").filter((line) => line.includes("keeps its user allocation"));
    assert.equal(kept.length, 2, "both arms of the conditional, and nothing else");
    for (const line of kept) assert.match(line, /^ok: \/guest\/varied .* \(branch-varies\)$/);
  });

  it("are harvested, and explained in the same words", async () => {
    const { profiles, models } = up.stack.stores;
    for (const profile of profilesOf(dag, up.stack)) await profiles.put(profile);
    await trainFromStores({ profiles, models, dag, grid: up.stack.grid, seed: 1, createdAtMs: systemClock.nowMs() });
    await up.setMode("harvest");
    const { runs, root } = await stampedRun();
    for (const { name, allocated, decision } of runs) {
      // A receiver starts at its user allocation and grows on its donors' words (H1), which may come after so short a run.
      const startsWith = { cpuCores: Math.min(NEEDS[name] as number, USER.cpuCores), memoryMb: SMALL_MB };
      assert.deepEqual([name, allocated], [name, name === "varied" ? USER : startsWith]);
      if (name === "varied") continue;
      assert.equal(decision?.startsWith(`${root}-`), true);
      assert.equal(decision === `${root}-1`, name !== "item", "the map has a decision of its own, made at its fork");
    }
    const decided = (await up.stack.stores.decisions.find(`${root}-1`))?.stages.flatMap(({ functions }) => functions) ?? [];
    const share = decided.find(({ name }) => name.endsWith("/count"))?.allocation;
    assert.deepEqual(share, { cpuCores: NEEDS["count"], memoryMb: SMALL_MB });
    const said = await harvest("explain", root);
    assert.match(said, /Stage \[0\], parallel of 3: budget 1 cores and 512 MB/);
    assert.match(said, /\/guest\/varied keeps its user allocation: .* \(branch-varies\)\./);
    assert.match(said, /Stage \[1\], map: it is decided when it forks, with the sizes of its items \(decided-at-fork\)/);
    const atFork = runs.find(({ name }) => name === "item")?.decision as string;
    assert.match(await harvest("explain", atFork), /Stage \[1\], map of 3: budget 1.5 cores and 768 MB/);
  });

  /** A run whose decisions came before its forks: on a busy machine the first conductor may have gone on without. */
  async function stampedRun(): Promise<Awaited<ReturnType<typeof invoke>>> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const invoked = await invoke();
      const isStamped = (name: string) => invoked.runs.some((one) => one.name === name && one.decision !== undefined);
      if (isStamped("clean") && isStamped("item")) return invoked;
    }
    assert.fail(`in ${ATTEMPTS} runs no decision came before its fork`);
  }

  /** What every run of a function was given. */
  async function invoke() {
    const sinceMs = systemClock.nowMs();
    const invoked = (await up.client.actions.invoke({ name: dag.name, blocking: true, params: INPUT })) as { activationId: string };
    const expectedComponents = 4 + 3; // one arm of the conditional, and an item for each branch
    const read = {
      client: up.client,
      compositionId: invoked.activationId,
      sinceMs,
      expectedComponents,
      deadlineMs: 20_000,
      clock: systemClock,
    };
    const activations = await readRunActivations(read);
    const root = activations.find(({ activationId }) => activationId === invoked.activationId)?.logs[0] as string;
    const runs = activations.flatMap(({ name, logs, activationId }) => {
      const observation = observationInLogs(logs, activationId);
      return observation ? [{ name, allocated: observation.allocated, decision: observation.decision }] : [];
    });
    assert.equal(runs.length, expectedComponents);
    return { runs, root };
  }
});
