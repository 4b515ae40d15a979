import assert from "node:assert/strict";
import { test } from "node:test";
import { type Profile, seededRng } from "@openwhisk-harvest/core";
import fc from "fast-check";
import { datasetOf, requireRows } from "./dataset.js";
import { DAG, syntheticProfiles } from "./run-fixture.kit.js";
import { splitByRun } from "./split.js";

const PROFILES = syntheticProfiles(10, seededRng(1));
const first = PROFILES[0] as Profile;

test("each profile gives a row to each target, with the features in the model's order", async () => {
  const { rows, roots } = await datasetOf(PROFILES, DAG);
  assert.equal(roots.length, 10);
  for (const target of ["inputBytes", "cpuCores", "memoryMb", "workCoreMs"] as const) assert.equal(rows[target].length, 50);
  const { dagInputBytes, functionInputBytes, functionIndex, stage, observation, root } = first;
  const of = (target: keyof typeof rows) => rows[target].find((r) => r.root === root && r.functionIndex === functionIndex);
  assert.deepEqual(of("inputBytes"), { x: [dagInputBytes, functionIndex, stage], y: functionInputBytes, root, functionIndex });
  assert.deepEqual(of("cpuCores"), { x: [functionInputBytes, functionIndex], y: observation.cpuPeakCores, root, functionIndex });
  assert.deepEqual(of("memoryMb"), { x: [functionInputBytes, functionIndex], y: observation.memoryPeakMb, root, functionIndex });
  assert.deepEqual(of("workCoreMs"), { x: [functionInputBytes, functionIndex], y: observation.cpuTimeMs, root, functionIndex });
});

test("neither the order of the profiles nor duplicates change the dataset", async () => {
  assert.deepEqual(await datasetOf([...PROFILES].reverse().concat(PROFILES), DAG), await datasetOf(PROFILES, DAG));
});

for (const [what, changes] of Object.entries({
  "a NaN": { functionInputBytes: Number.NaN },
  "a negative size": { dagInputBytes: -1 },
  infinity: { observation: { ...first.observation, cpuPeakCores: Number.POSITIVE_INFINITY } },
  "a missing field": { root: undefined },
  "a function that the DAG does not have": { functionIndex: 5 },
  "another DAG's name": { dag: "other" },
})) {
  test(`a profile with ${what} is refused by its activation id`, async () => {
    const bad = { ...first, ...changes } as Profile;
    await assert.rejects(datasetOf([...PROFILES, bad], DAG), (error: Error & { code?: string }) => {
      assert.equal(error.code, "OWH_BAD_DATASET");
      assert.match(error.message, new RegExp(first.observation.activationId));
      return true;
    });
  });
}

test("something that is no profile at all is refused", async () => {
  await assert.rejects(datasetOf([null as unknown as Profile], DAG), { code: "OWH_BAD_DATASET" });
});

test("nothing to learn from is refused, with the reason", async () => {
  const empty = await datasetOf([], DAG);
  assert.throws(() => requireRows(empty, "guest/job"), { code: "OWH_BAD_DATASET" });
  const harvested = PROFILES.map((p) => ({ ...p, observation: { ...p.observation, mode: "harvest" as const } }));
  const dataset = await datasetOf(harvested, DAG);
  assert.throws(
    () => requireRows(dataset, "guest/job"),
    /nothing to learn cpuCores from: 50 profiles of 10 composition runs \(50 harvested\), 0 of other versions/,
  );
});

test("profiles of another version of the DAG are counted and left aside", async () => {
  const old = syntheticProfiles(2, seededRng(9)).map((p) => ({ ...p, dagVersion: "version-0", functionIndex: 99 }));
  const dataset = await datasetOf([...old, first], DAG);
  assert.equal(dataset.otherVersions, 10);
  assert.equal(dataset.profiles.length, 1);
});

test("rows never hold anything but finite numbers, and rows of one run never stand on both sides of a split", async () => {
  const run = fc.record({ runs: fc.integer({ min: 2, max: 40 }), seed: fc.nat() });
  await fc.assert(
    fc.asyncProperty(run, async ({ runs, seed }) => {
      const dataset = await datasetOf(syntheticProfiles(runs, seededRng(seed)), DAG);
      for (const rows of Object.values(dataset.rows)) for (const { x, y } of rows) assert.ok([...x, y].every(Number.isFinite));
      const { train, test: held } = splitByRun(dataset, seed);
      assert.equal(train.roots.length + held.roots.length, runs);
      assert.equal(held.roots.length, Math.max(1, Math.round(runs / 5)));
      assert.ok(held.roots.every((root) => !train.roots.includes(root)));
      for (const rows of Object.values(held.rows)) assert.ok(rows.every((r) => held.roots.includes(r.root)));
      assert.deepEqual(splitByRun(dataset, seed).test.roots, held.roots);
    }),
    { numRuns: 60 },
  );
});

test("any numbers that a profile may hold become finite rows, or the profile is refused", async () => {
  const number = fc.double();
  await fc.assert(
    fc.asyncProperty(number, number, number, number, async (functionInputBytes, cpuPeakCores, memoryPeakMb, cpuTimeMs) => {
      const profile = { ...first, functionInputBytes, observation: { ...first.observation, cpuPeakCores, memoryPeakMb, cpuTimeMs } };
      const valid = [functionInputBytes, cpuPeakCores, memoryPeakMb, cpuTimeMs].every((n) => Number.isFinite(n) && n >= 0);
      if (!valid) return assert.rejects(datasetOf([profile], DAG), { code: "OWH_BAD_DATASET" });
      const { rows } = await datasetOf([profile], DAG);
      for (const { x, y } of Object.values(rows).flat()) assert.ok([...x, y].every(Number.isFinite));
    }),
    { numRuns: 500 },
  );
});

test("one run cannot both train and test", async () => {
  const dataset = await datasetOf(syntheticProfiles(1, seededRng(1)), DAG);
  assert.throws(() => splitByRun(dataset, 1), { code: "OWH_BAD_DATASET" });
});
