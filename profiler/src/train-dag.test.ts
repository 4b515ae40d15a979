import assert from "node:assert/strict";
import { test } from "node:test";
import {
  decodeModel,
  encodeForests,
  type Grid,
  MODEL_TARGETS,
  type Model,
  type ModelStore,
  meanOf,
  PAPER_GRID,
  type Profile,
  type ProfileStore,
  predictTrees,
  seededRng,
} from "@openwhisk-harvest/core";
import fc from "fast-check";
import { isAccurate } from "./accuracy.js";
import { evaluateModel, predictChain } from "./evaluate.js";
import { DAG, syntheticProfiles } from "./run-fixture.kit.js";
import { cartTrainer } from "./train/cart.js";
import { mlRandomForestTrainer } from "./train/ml-random-forest.js";
import type { Trainer } from "./train/trainer.js";
import { trainAndEvaluate, trainDag, trainFromStores } from "./train-dag.js";

const PROFILES = syntheticProfiles(40, seededRng(1));
const TASK = { profiles: PROFILES, dag: DAG, grid: PAPER_GRID, trees: 30, seed: 3, version: "7", createdAtMs: 1_700_000_000_000 };

test("a model says what it was trained on and how it scored", async () => {
  const { document, forests } = await trainDag(TASK);
  const sizes = PROFILES.map((p) => p.dagInputBytes);
  assert.deepEqual(document.dagInputBytes, { min: Math.min(...sizes), max: Math.max(...sizes) });
  assert.deepEqual(document.samples, [40, 40, 40, 40, 40]);
  assert.deepEqual(
    [document.namespace, document.dag, document.dagVersion, document.version, document.trainer, document.seed, document.createdAtMs],
    ["guest", "job", "version-1", "7", "cart", 3, 1_700_000_000_000],
  );
  for (const target of MODEL_TARGETS) {
    assert.equal(document.scores[target]?.testSamples, 8 * 5);
    assert.equal(forests[target].roots.length, 30);
  }
  assert.ok((document.scores["cpuCores"]?.meanAbsoluteError ?? 1) < 0.05);
  assert.ok((document.scores["memoryMb"]?.meanAbsoluteError ?? 100) < 20);
  assert.ok((document.scores["cpuCores"]?.accuracy ?? 0) > 0.9);
  assert.equal(document.scores["inputBytes"]?.accuracy, undefined);
});

test("a model learns the observed peak, and its plain scores are the paper's, of that", async () => {
  const short = { durationMs: 50, cpuTimeMs: 5, cpuPeakCores: 2.5 };
  const profiles = PROFILES.map((p): Profile => ({ ...p, observation: { ...p.observation, ...short } }));
  const { document, forests } = await trainDag({ ...TASK, profiles });
  assert.ok(Math.abs(predictChain(forests, { dagInputBytes: 50_000, functionIndex: 1, stage: 1 }).cpuCores - 2.5) < 1e-9);
  const { meanAbsoluteError, accuracy, withinAllocation, demand } = document.scores["cpuCores"] ?? assert.fail();
  assert.deepEqual([accuracy, withinAllocation, demand?.accuracy, demand?.withinAllocation], [1, 1, 0, 1]);
  assert.ok(meanAbsoluteError < 1e-9 && Math.abs((demand?.meanAbsoluteError ?? 0) - 2.45) < 1e-9);
  assert.equal(document.scores["memoryMb"]?.demand, undefined);
});

for (const trainer of [cartTrainer, mlRandomForestTrainer]) {
  test(`models of ${trainer.name} predict demands that grow with the function, from the size of the DAG's input alone`, async () => {
    const { forests } = await trainDag({ ...TASK, profiles: syntheticProfiles(20, seededRng(2)), trainer, trees: 10 });
    const cpuCores = DAG.functions.map(
      ({ index, stage }) => predictChain(forests, { dagInputBytes: 50_000, functionIndex: index, stage }).cpuCores,
    );
    for (const [i, predicted] of cpuCores.entries()) assert.ok(Math.abs(predicted - (0.225 + 0.5 * i)) < 0.15, `${i}: ${predicted}`);
  });
}

test("equal seeds and profiles give equal models, in whatever order the profiles come", async () => {
  const [a, b] = [await trainDag(TASK), await trainDag({ ...TASK, profiles: [...PROFILES].reverse() })];
  assert.deepEqual(a, b);
  assert.notEqual((await trainDag({ ...TASK, seed: 4 })).document.sha256, a.document.sha256);
});

test("a model survives storing, and damage of any byte or a newer format is noticed", async () => {
  const { document, forests } = await trainDag({ ...TASK, trees: 5 });
  const { attachment } = encodeForests(forests);
  const stored = JSON.parse(JSON.stringify(document)) as unknown;
  assert.deepEqual(decodeModel(stored, attachment).forests, forests);
  fc.assert(
    fc.property(fc.nat(attachment.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const damaged = Buffer.from(attachment);
      (damaged[at] as number) ^= flip;
      assert.throws(() => decodeModel(stored, damaged), { code: "OWH_BAD_MODEL" });
    }),
    { numRuns: 50 },
  );
  assert.throws(() => decodeModel({ ...document, format: document.format + 1 }, attachment), { code: "OWH_MODEL_TOO_NEW" });
});

test("too few runs, or none of the right kind, make no model", async () => {
  await assert.rejects(trainDag({ ...TASK, profiles: [] }), { code: "OWH_BAD_DATASET" });
  await assert.rejects(trainDag({ ...TASK, profiles: syntheticProfiles(1, seededRng(1)) }), { code: "OWH_BAD_DATASET" });
  const observed = PROFILES.map((p): Profile => ({ ...p, observation: { ...p.observation, mode: "observe" } }));
  await assert.rejects(trainDag({ ...TASK, profiles: observed }), { code: "OWH_BAD_DATASET" });
});

test("two runs are the fewest that make one", async () => {
  const { document } = await trainDag({ ...TASK, profiles: syntheticProfiles(2, seededRng(1)), trees: 3 });
  assert.equal(document.scores["cpuCores"]?.testSamples, 5);
});

test("the paper's examples of accuracy (4.1.2), and its edges", () => {
  const axis = PAPER_GRID.cpuCores;
  assert.equal(isAccurate(axis, 2.6, 2.3), true); // 2.9 < 3
  assert.equal(isAccurate(axis, 2.6, 2.19), false); // 3.01 > 3
  assert.equal(isAccurate(axis, 2.6, 3.01), false);
  assert.equal(isAccurate(axis, 3, 3), false); // strictly below: an exact prediction on the edge counts as inaccurate
  assert.equal(isAccurate(axis, 0.2, 0.5), true); // below the minimum, everything has the minimum
  assert.equal(isAccurate(axis, 8.5, 8.5), false); // above the maximum
});

test("an evaluation follows the chain: a wrong input size makes ML2 wrong", async () => {
  const model = await trainDag(TASK);
  const honest = evaluateModel({ forests: model.forests, profiles: PROFILES, grid: PAPER_GRID });
  // An ML1 that always says 0: its leaves are wiped.
  const blind = { ...model.forests, inputBytes: { ...model.forests.inputBytes, value: model.forests.inputBytes.value.map(() => 0) } };
  const misled = evaluateModel({ forests: blind, profiles: PROFILES, grid: PAPER_GRID });
  assert.ok((misled.workCoreMs?.error.mean ?? 0) > 5 * (honest.workCoreMs?.error.mean ?? 1));
});

test("error quantiles ascend, shares lie in 0..1, and what is within its allocation was given at least its use", async () => {
  const { evaluation, model } = await trainAndEvaluate(TASK);
  for (const target of MODEL_TARGETS) {
    const { error } = evaluation[target] ?? assert.fail(target);
    assert.ok(error.p50 <= error.p90 && error.p90 <= error.p99 && error.p99 <= error.max);
  }
  // A grid of one allocation that is above everything: all is within it, and all is accurate.
  const roomy: Grid = { cpuCores: { min: 99, max: 99, step: 1 }, memoryMb: { min: 9_999, max: 9_999, step: 1 } };
  const all = evaluateModel({ forests: model.forests, profiles: PROFILES, grid: roomy });
  assert.deepEqual([all.cpuCores?.withinAllocation, all.cpuCores?.accuracy, all.memoryMb?.withinAllocation], [1, 1, 1]);
  // And one that is below everything.
  const tight: Grid = { cpuCores: { min: 0.001, max: 0.001, step: 1 }, memoryMb: { min: 1, max: 1, step: 1 } };
  const none = evaluateModel({ forests: model.forests, profiles: PROFILES, grid: tight });
  assert.deepEqual([none.cpuCores?.withinAllocation, none.cpuCores?.accuracy, none.memoryMb?.withinAllocation], [0, 0, 0]);
});

test("targets without a run to test them on are absent", async () => {
  const { forests } = await trainDag({ ...TASK, trees: 1 });
  assert.deepEqual(evaluateModel({ forests, profiles: [], grid: PAPER_GRID }), {});
  const observed = PROFILES.map((p): Profile => ({ ...p, observation: { ...p.observation, mode: "observe" } }));
  assert.deepEqual(Object.keys(evaluateModel({ forests, profiles: observed, grid: PAPER_GRID })), ["inputBytes"]);
});

test("training from stores reads the DAG's profiles and stores the model under the next version", async () => {
  const stored: Model[] = [];
  const profiles: ProfileStore = {
    put: () => Promise.reject(new Error("training writes no profiles")),
    async *ofDag(namespace, dag) {
      assert.deepEqual([namespace, dag], ["guest", "job"]);
      yield* PROFILES;
    },
  };
  const models: ModelStore = {
    latest: async () => stored.at(-1),
    nextVersion: async () => "8",
    async put(model) {
      stored.push(model);
    },
  };
  const { dag, grid, trees, seed, createdAtMs } = TASK;
  const { model } = await trainFromStores({ dag, grid, trees, seed, createdAtMs, profiles, models });
  assert.deepEqual(stored, [model]);
  assert.equal(model.document.version, "8");
});

test("what is scored has never seen the test runs; what is stored has seen them all", async () => {
  const rowCounts: number[] = [];
  const counting: Trainer = {
    name: "counting",
    train(rows, options) {
      rowCounts.push(rows.y.length);
      return cartTrainer.train(rows, options);
    },
  };
  await trainDag({ ...TASK, trees: 1, trainer: counting, folds: 0 });
  // 4 targets of 5 functions each, first with 80 % of the 40 runs, then with all.
  assert.deepEqual(rowCounts, [...new Array(20).fill(32), ...new Array(20).fill(40)]);
});

test("the paper's own features, the size alone, stay selectable: such an ML2 does not look at the ordinal", async () => {
  for (const trainer of [cartTrainer, mlRandomForestTrainer]) {
    const { forests, document } = await trainDag({ ...TASK, trainer, trees: 10, folds: 0, ml2Features: "size" });
    assert.equal(document.trainer, `${trainer.name}, ML2 by size only`);
    for (const target of ["cpuCores", "memoryMb", "workCoreMs"] as const) {
      assert.ok(forests[target].feature.every((feature) => feature <= 0));
      const [a, b] = [0, 4].map((functionIndex) => meanOf(predictTrees(forests[target], [30_000, functionIndex])));
      assert.equal(a, b);
    }
    assert.ok(forests.inputBytes.feature.includes(1));
    const { attachment } = encodeForests(forests);
    assert.deepEqual(decodeModel(JSON.parse(JSON.stringify(document)), attachment).forests, forests);
  }
  assert.equal((await trainDag({ ...TASK, folds: 0, ml2Features: "size-and-ordinal" })).document.trainer, "cart");
});
