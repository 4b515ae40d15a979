import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type DagDescription, PAPER_GRID, type Profile, seededRng, systemClock } from "@openwhisk-harvest/core";
import { type EvaluateFamilies, evaluateFamilies } from "./evaluate-families.js";
import { renderEvaluationTable } from "./evaluation-table.js";
import { FAMILIES } from "./families/families.js";
import { linearRegression } from "./families/linear.js";
import type { Regressor } from "./families/regressor.js";
import { decisionTree, gradientBoosting, randomForest } from "./families/trees.js";
import { renderEvaluationPage } from "./page/evaluation-page.js";
import { DAG, syntheticProfiles } from "./run-fixture.kit.js";

const PROFILES = syntheticProfiles(60, seededRng(1));
const QUICK: readonly Regressor[] = [randomForest, gradientBoosting, decisionTree, linearRegression];
const missing: Regressor = {
  name: "SVR",
  method: "support vectors",
  unavailable: async () => "the package <b> is not installed",
  fit: () => Promise.reject(new Error("must not be asked")),
};
const TASK: EvaluateFamilies = { profiles: PROFILES, dag: DAG, grid: PAPER_GRID, seed: 3, trees: 20, clock: systemClock, families: QUICK };

describe("evaluateFamilies", () => {
  it("holds every family against the same test runs, none of which trained", async () => {
    const evaluation = await evaluateFamilies(TASK);
    assert.deepEqual(evaluation.runs, { profiled: 60, train: 48, test: 12 });
    assert.deepEqual(
      evaluation.families.map((f) => [f.name, f.evaluation?.cpuCores?.samples, f.evaluation?.memoryMb?.samples]),
      QUICK.map((f) => [f.name, 60, 60]),
    );
    for (const { evaluation: own, fitMs } of evaluation.families) {
      assert.ok((fitMs ?? 0) > 0);
      assert.ok((own?.cpuCores?.accuracy ?? 0) > 0.9 && (own?.cpuCores?.withinAllocation ?? 0) > 0.9);
      const quantiles = own?.memoryMb?.errorQuantiles ?? [];
      assert.equal(quantiles.length, 21);
      assert.deepEqual(
        quantiles,
        [...quantiles].sort((a, b) => a - b),
      );
      assert.equal(quantiles[20], own?.memoryMb?.error.max);
    }
  });

  it("runs all six on a small DAG, or says why not", async () => {
    const one: DagDescription = { ...DAG, functions: DAG.functions.slice(0, 1) };
    const profiles = PROFILES.filter((p) => p.functionIndex === 0).slice(0, 20);
    const done: string[] = [];
    const task = { ...TASK, profiles, dag: one, families: FAMILIES, onProgress: ({ family }: { family: string }) => done.push(family) };
    const evaluation = await evaluateFamilies(task);
    assert.deepEqual(
      done,
      FAMILIES.map((f) => f.name),
    );
    for (const { name, evaluation: own, unavailable } of evaluation.families) {
      assert.equal(own === undefined, unavailable !== undefined, name);
      if (name !== "SVR") assert.ok(own?.cpuCores, name);
    }
  });

  it("draws 200 runs when there are more, by its seed", async () => {
    const profiles = syntheticProfiles(230, seededRng(2)).filter((p) => p.functionIndex < 2);
    const task = { ...TASK, profiles, families: [linearRegression] };
    const [a, b] = [await evaluateFamilies(task), await evaluateFamilies({ ...task, profiles: [...profiles].reverse() })];
    assert.deepEqual(a.runs, { profiled: 230, train: 160, test: 40 });
    assert.deepEqual(a.families[0]?.evaluation, b.families[0]?.evaluation);
    assert.notDeepEqual((await evaluateFamilies({ ...task, seed: 4 })).families[0]?.evaluation, a.families[0]?.evaluation);
  });

  it("follows the chain, so that the paper's features, the size alone, cannot tell functions of one size apart", async () => {
    const [ours, papers] = [await evaluateFamilies(TASK), await evaluateFamilies({ ...TASK, ml2Features: "size" })];
    const cpuError = (e: typeof ours) => e.families[0]?.evaluation?.cpuCores?.error.mean ?? Number.NaN;
    assert.ok(cpuError(papers) > 3 * cpuError(ours));
    assert.equal(papers.families[0]?.evaluation?.inputBytes?.error.mean, ours.families[0]?.evaluation?.inputBytes?.error.mean);
  });

  it("leaves out test runs of a function that no training run shows", async () => {
    // Of these runs, some test: asking for their function would throw.
    for (const { root } of PROFILES.filter((p) => p.functionIndex === 4).slice(0, 15)) {
      const rare = PROFILES.filter((p) => p.functionIndex !== 4 || p.root === root);
      const evaluation = await evaluateFamilies({ ...TASK, profiles: rare, families: [linearRegression] });
      assert.equal(evaluation.families[0]?.evaluation?.cpuCores?.samples, 48);
    }
  });

  it("refuses nothing, one run, and profiles that show no demand", async () => {
    const harvested = PROFILES.map((p): Profile => ({ ...p, observation: { ...p.observation, mode: "harvest" } }));
    for (const profiles of [[], PROFILES.slice(0, 5), harvested])
      await assert.rejects(evaluateFamilies({ ...TASK, profiles }), { code: "OWH_BAD_DATASET" });
  });

  it("counts runs that stand exactly on an allocation, which the paper's accuracy can never count", async () => {
    const onEdge = PROFILES.map((p): Profile => ({ ...p, observation: { ...p.observation, cpuPeakCores: 2, memoryPeakMb: 100 } }));
    const { families } = await evaluateFamilies({ ...TASK, profiles: onEdge, families: [randomForest] });
    const { cpuCores, memoryMb } = families[0]?.evaluation ?? {};
    assert.deepEqual([cpuCores?.accuracy, cpuCores?.withinAllocation, cpuCores?.atGridEdge], [0, 1, 60]);
    assert.deepEqual([memoryMb?.accuracy, memoryMb?.withinAllocation, memoryMb?.atGridEdge], [1, 1, 0]);
  });

  it("holds CPU against the observed peak, as the paper does, and beside it against the demand, which short runs have less of", async () => {
    const short = { durationMs: 50, cpuTimeMs: 5, cpuPeakCores: 2.5, memoryPeakMb: 100 };
    const profiles = PROFILES.map((p): Profile => ({ ...p, observation: { ...p.observation, ...short } }));
    const { families, allocations } = await evaluateFamilies({ ...TASK, profiles, families: [randomForest] });
    const { cpuCores, memoryMb } = families[0]?.evaluation ?? {};
    const { accuracy, withinAllocation, error, demand } = cpuCores ?? assert.fail();
    assert.deepEqual([accuracy, withinAllocation, error.mean.toFixed(6)], [1, 1, "0.000000"]);
    assert.deepEqual([demand?.accuracy, demand?.withinAllocation, demand?.meanError.toFixed(6), demand?.belowPeak], [0, 1, "2.450000", 60]);
    assert.deepEqual([memoryMb?.accuracy, memoryMb?.demand], [1, undefined]);
    for (const { target, accuracy, withinAllocation, demand } of allocations.margins)
      if (target === "memoryMb") assert.deepEqual([accuracy, withinAllocation, demand], [1, 1, undefined]);
      else assert.deepEqual([accuracy, withinAllocation, demand], [1, 1, { accuracy: 0, withinAllocation: 1 }]);
  });

  it("finds no difference between the two where runs last for a CFS period", async () => {
    const { families } = await evaluateFamilies({ ...TASK, families: [randomForest] });
    const { accuracy, withinAllocation, error, demand } = families[0]?.evaluation?.cpuCores ?? assert.fail();
    assert.deepEqual(demand, { accuracy, withinAllocation, meanError: demand?.meanError, belowPeak: 0 });
    assert.ok(Math.abs((demand?.meanError ?? 1) - error.mean) < 1e-12);
  });
});

describe("the reports", () => {
  it("print every family and target, and what was not evaluated", async () => {
    const evaluation = await evaluateFamilies({ ...TASK, families: [...QUICK, missing] });
    const table = renderEvaluationTable(evaluation);
    for (const { name } of QUICK) assert.equal(table.split("\n").filter((line) => line.startsWith(`  ${name} `)).length, 4, name);
    assert.match(table, /SVR was not evaluated: the package <b> is not installed/);
    assert.match(table, /CPU peak, error in cores: 60 function runs; 0 used exactly/);
    assert.match(table, /accurate +within +demand: error +demand: accurate +demand: within\n/);
    assert.match(table, /demand: 0 of 60 were shorter than a CFS period/);
    const widths = table
      .split("\n")
      .filter((line) => line.startsWith("  "))
      .slice(0, 5)
      .map((line) => line.length);
    assert.equal(new Set(widths).size, 1);
  });

  it("draw one page that fetches nothing, with all figures of all DAGs, and only from the data", async () => {
    const evaluation = await evaluateFamilies({ ...TASK, families: [...QUICK, missing] });
    const page = renderEvaluationPage([evaluation, { ...evaluation, dag: "<other & more>" }]);
    assert.equal(page.match(/<svg /g)?.length, 12);
    assert.equal(page.match(/<polyline /g)?.length, 2 * 4 * QUICK.length);
    assert.equal(page.match(/<rect /g)?.length, 2 * 2 * 2 * QUICK.length);
    assert.doesNotMatch(page, /<script|https?:|<b>|NaN|undefined|Infinity|<other/);
    assert.match(page, /&#60;other &#38; more&#62;/);
    assert.match(page, /<th>accurate<\/th><th>within<\/th><th>demand: error<\/th><th>demand: accurate<\/th><th>demand: within<\/th>/);
    assert.equal(page, renderEvaluationPage([evaluation, { ...evaluation, dag: "<other & more>" }]));
  });

  it("draw targets without a single test run too", async () => {
    const evaluation = await evaluateFamilies({ ...TASK, families: [linearRegression] });
    const bare = { ...evaluation, families: [{ name: "RandomForest", method: "none", evaluation: {} }] };
    assert.doesNotMatch(renderEvaluationPage([bare]), /NaN|Infinity/);
    assert.match(renderEvaluationTable(bare), /memory peak, error in MB: no test run shows it/);
  });
});
