import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { type Grid, type Model, PAPER_GRID, type Profile, seededRng } from "@openwhisk-harvest/core";
import { type AllocationEvaluation, evaluateMargins } from "./evaluate-margins.js";
import { TRUTH_DAG, truthProfiles } from "./known-truth.kit.js";
import { trainDag } from "./train-dag.js";

describe("evaluateMargins", () => {
  const fresh = truthProfiles(150, seededRng(2), "fresh");
  let model: Model;
  let evaluation: AllocationEvaluation;
  before(async () => {
    const profiles = truthProfiles(200, seededRng(1));
    model = await trainDag({ dag: TRUTH_DAG, grid: PAPER_GRID, trees: 8, seed: 1, version: "1", createdAtMs: 0, profiles });
    evaluation = evaluateMargins(model, fresh, PAPER_GRID, 5);
  });
  const of = (target: string, margin: string) =>
    evaluation.margins.find((m) => m.target === target && m.margin === margin) ?? assert.fail(`${target} ${margin}`);

  it("holds more runs the larger the margin, 99 % at p99, and says what is spare", () => {
    for (const target of ["cpuCores", "memoryMb"]) {
      const [mean, p90, p99] = [of(target, "mean"), of(target, "p90"), of(target, "p99")];
      assert.equal(mean.samples, 600);
      assert.ok(mean.withinAllocation < p90.withinAllocation && p90.withinAllocation < p99.withinAllocation);
      assert.ok(p99.withinAllocation >= 0.98, `${target}: ${p99.withinAllocation}`);
      assert.ok(mean.meanSpare < p90.meanSpare && p90.meanSpare < p99.meanSpare);
    }
  });

  it("tells the accuracy on coarser grids, which forgive more, and none where a step would be the whole grid", () => {
    const own = evaluation.steps.filter(({ target }) => target === "memoryMb");
    assert.deepEqual(
      own.map(({ step }) => step),
      [128, 256, 512],
    );
    assert.ok((own[0]?.accuracy ?? 1) < (own[2]?.accuracy ?? 0));
    const tiny: Grid = { ...PAPER_GRID, cpuCores: { min: 0.5, max: 1, step: 0.5 } };
    const steps = evaluateMargins(model, fresh, tiny, 5).steps.filter(({ target }) => target === "cpuCores");
    assert.deepEqual(
      steps.map(({ step }) => step),
      [0.5],
    );
  });

  it("passes over runs that show no demand, and counts predictions that no decision would believe", () => {
    const harvested = fresh.map((p): Profile => ({ ...p, observation: { ...p.observation, mode: "harvest" } }));
    assert.deepEqual(evaluateMargins(model, harvested, PAPER_GRID, 5).margins, []);
    assert.equal(evaluation.distrusted, 0);
    assert.equal(evaluateMargins(model, fresh, PAPER_GRID, 1_000).distrusted, 600);
  });
});
