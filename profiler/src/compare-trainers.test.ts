import assert from "node:assert/strict";
import { test } from "node:test";
import { PAPER_GRID, seededRng, systemClock } from "@openwhisk-harvest/core";
import { compareTrainers } from "./compare-trainers.js";
import { DAG, syntheticProfiles } from "./run-fixture.kit.js";

test("trainers are compared on the same runs", async () => {
  const profiles = syntheticProfiles(15, seededRng(1));
  const task = { profiles, dag: DAG, grid: PAPER_GRID, trees: 10, seed: 1, version: "1", createdAtMs: 0, clock: systemClock };
  const comparisons = await compareTrainers(task);
  assert.deepEqual(
    comparisons.map((c) => [c.trainer, c.model.document.trainer, c.evaluation.cpuCores?.samples]),
    [
      ["cart", "cart", 15],
      ["ml-random-forest", "ml-random-forest", 15],
    ],
  );
  for (const { durationMs, evaluation } of comparisons) {
    assert.ok(durationMs > 0);
    assert.ok((evaluation.cpuCores?.error.mean ?? 1) < 0.2);
  }
});
