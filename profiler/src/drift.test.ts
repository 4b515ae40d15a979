import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HarvestError, type Model, type ModelStore, PAPER_GRID, type Profile, type ProfileStore, seededRng } from "@openwhisk-harvest/core";
import { driftOf, productionErrors } from "./drift.js";
import { TRUTH_DAG, truthProfiles } from "./known-truth.kit.js";
import { trainDag } from "./train-dag.js";
import { trainIfDrifted } from "./train-if-drifted.js";

const TRAINED_AT_MS = 1_700_000_100_000;
const TASK = { dag: TRUTH_DAG, grid: PAPER_GRID, trees: 10, seed: 1, version: "1", createdAtMs: TRAINED_AT_MS };
const HISTORY = truthProfiles(90, seededRng(1)); // ends 90 s after 1_700_000_000_000
const model = await trainDag({ ...TASK, profiles: HISTORY });
const DAG_VERSION = TRUTH_DAG.version;

/** Runs after the training, `share` of what the truth needs. */
function later(runs: number, seed: number, share = 1, functionIndex?: number): Profile[] {
  return truthProfiles(runs, seededRng(seed), `later ${seed}`).map((profile): Profile => {
    const { observation, startMs, endMs } = profile;
    const factor = functionIndex === undefined || functionIndex === profile.functionIndex ? share : 1;
    return {
      ...profile,
      startMs: startMs + 1_000_000,
      endMs: endMs + 1_000_000,
      observation: { ...observation, cpuPeakCores: observation.cpuPeakCores * factor, cpuTimeMs: observation.cpuTimeMs * factor },
    };
  });
}

describe("driftOf", () => {
  it("finds none while the truth stays as it was, over 30 periods", async () => {
    for (let period = 0; period < 30; period++) {
      const drift = await driftOf({ model, dagVersion: DAG_VERSION, profiles: later(40, 100 + period) });
      assert.equal(drift.verdict, "no-drift", `${period}: ${drift.deviations}`);
      assert.ok(drift.outsideShare > 0.1 && drift.outsideShare < 0.3);
      assert.equal(drift.quantities.length, 16);
    }
  });

  it("finds a single function that needs half as much again, and says by how much predictions are off", async () => {
    const [before, after] = [
      await driftOf({ model, dagVersion: DAG_VERSION, profiles: later(40, 1) }),
      await driftOf({ model, dagVersion: DAG_VERSION, profiles: later(40, 1, 1.5, 1) }),
    ];
    assert.equal(after.verdict, "drifted");
    assert.ok(after.deviations > 4 && after.deviations > before.deviations);
    const drifted = after.quantities.filter((q) => q.deviations > 4).map((q) => [q.functionIndex, q.target]);
    assert.deepEqual(drifted, [
      [1, "cpuCores"],
      [1, "workCoreMs"],
    ]);
    assert.ok((productionErrors(after).cpuCores ?? 0) > (productionErrors(before).cpuCores ?? 1) * 1.5);
    assert.equal(productionErrors(after).inputBytes, productionErrors(before).inputBytes);
  });

  it("takes no lower CPU peak for a drift: a busy host lowers it, too; less work is one", async () => {
    const starved = later(40, 7).map(
      (p): Profile => ({ ...p, observation: { ...p.observation, cpuPeakCores: p.observation.cpuPeakCores / 3 } }),
    );
    const drift = await driftOf({ model, dagVersion: DAG_VERSION, profiles: starved });
    assert.equal(drift.verdict, "no-drift");
    assert.ok(drift.outsideShare > 0.3);
    const less = await driftOf({ model, dagVersion: DAG_VERSION, profiles: later(40, 7, 0.3) });
    assert.ok(less.quantities.filter((q) => q.deviations > 4).every((q) => q.target === "workCoreMs"));
    assert.equal(less.verdict, "drifted");
  });

  it("takes throttled and harvested runs for no demand, however far they lie from it", async () => {
    const held = later(40, 2, 0.1).map((p, i): Profile => {
      const user = { cpuCores: 1, memoryMb: 256 };
      const limits =
        i % 2 === 0 ? { mode: "observe" as const, allocated: user, throttledMs: 50 } : { mode: "harvest" as const, throttledMs: 0 };
      return { ...p, observation: { ...p.observation, user, ...limits, ...(i % 2 === 1 && { allocated: { ...user, cpuCores: 0.5 } }) } };
    });
    const drift = await driftOf({ model, dagVersion: DAG_VERSION, profiles: held });
    assert.equal(drift.verdict, "no-drift");
    assert.deepEqual([...new Set(drift.quantities.map((q) => q.target))], ["inputBytes"]);
  });

  it("says so when there is little, nothing, or nothing promised to compare with", async () => {
    const verdictOf = async (own: Model, profiles: Profile[], dagVersion = DAG_VERSION) =>
      (await driftOf({ model: own, dagVersion, profiles })).verdict;
    assert.equal(await verdictOf(model, []), "too-few-runs");
    assert.equal(await verdictOf(model, later(19, 3, 3)), "too-few-runs");
    assert.equal(await verdictOf(model, later(20, 3, 3)), "drifted");
    assert.equal(await verdictOf(model, later(40, 3, 3), "version-2"), "model-older-than-dag");
    const { calibration, ...document } = model.document;
    assert.ok(calibration);
    assert.equal(await verdictOf({ ...model, document }, later(40, 3, 3)), "not-calibrated");
  });

  it("counts sizes that were never profiled apart", async () => {
    const huge = later(30, 4).map((p): Profile => ({ ...p, dagInputBytes: p.dagInputBytes * 1_000 }));
    const drift = await driftOf({ model, dagVersion: DAG_VERSION, profiles: huge });
    assert.deepEqual([drift.verdict, drift.outsideRange, drift.quantities], ["too-few-runs", 120, []]);
  });
});

function storesWith(profiles: readonly Profile[], latest: () => Promise<Model | undefined>) {
  const stored: Model[] = [];
  const profileStore: ProfileStore = {
    put: () => Promise.reject(new Error("training writes no profiles")),
    async *ofDag() {
      yield* profiles;
    },
  };
  const models: ModelStore = {
    latest,
    nextVersion: async () => "2",
    async put(trained) {
      stored.push(trained);
    },
  };
  return { stored, task: { ...TASK, profiles: profileStore, models } };
}

describe("trainIfDrifted", () => {
  it("leaves a model alone that still holds", async () => {
    const { stored, task } = storesWith([...HISTORY, ...later(40, 5)], async () => model);
    const { reason, trained, drift } = await trainIfDrifted(task);
    assert.deepEqual([reason, trained, drift?.verdict, stored], ["no-drift", undefined, "no-drift", []]);
  });

  it("looks only at runs since the training: what the model was made of never counts", async () => {
    const { task } = storesWith(HISTORY, async () => model);
    assert.equal((await trainIfDrifted(task)).reason, "too-few-runs");
  });

  it("trains anew after a drift, with all there is", async () => {
    const { stored, task } = storesWith([...HISTORY, ...later(40, 6, 2)], async () => model);
    const { reason, trained } = await trainIfDrifted(task);
    assert.deepEqual([reason, stored.length, stored[0]?.document.version], ["drifted", 1, "2"]);
    assert.deepEqual(trained?.model.document.samples, [130, 130, 130, 130]);
  });

  it("trains where there is no usable model", async () => {
    const damaged = () => Promise.reject(new HarvestError("OWH_BAD_MODEL", "damaged"));
    for (const [latest, expected] of [
      [async () => undefined, "no-model"],
      [damaged, "model-damaged"],
    ] as const) {
      const { stored, task } = storesWith(HISTORY, latest);
      assert.equal((await trainIfDrifted(task)).reason, expected);
      assert.equal(stored.length, 1);
    }
  });

  it("replaces no model of a newer version of this software, and stores nothing when there is nothing to learn", async () => {
    const newer = storesWith(HISTORY, () => Promise.reject(new HarvestError("OWH_MODEL_TOO_NEW", "format 2")));
    await assert.rejects(trainIfDrifted(newer.task), { code: "OWH_MODEL_TOO_NEW" });
    const empty = storesWith([], async () => undefined);
    await assert.rejects(trainIfDrifted(empty.task), { code: "OWH_BAD_DATASET" });
    assert.deepEqual([...newer.stored, ...empty.stored], []);
  });
});
