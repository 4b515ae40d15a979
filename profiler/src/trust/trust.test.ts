import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type FunctionForecast,
  MODEL_TARGETS,
  type Model,
  type ModelTarget,
  PAPER_GRID,
  type Profile,
  predictCalibrated,
  samplesNear,
  seededRng,
} from "@openwhisk-harvest/core";
import fc from "fast-check";
import { LARGEST_BYTES, LAWS, SMALLEST_BYTES, TRUTH_DAG, truthProfiles, truthRun } from "../known-truth.kit.js";
import { trainDag } from "../train-dag.js";
import { quantile } from "./calibrate.js";

const TASK = { dag: TRUTH_DAG, grid: PAPER_GRID, trees: 8, seed: 1, version: "1", createdAtMs: 0 };
const MODELS = 24;
const TRAINING_RUNS = 200;
const FRESH_RUNS = 250;

const models: readonly Model[] = await Promise.all(
  Array.from({ length: MODELS }, (_, seed) => trainDag({ ...TASK, seed, profiles: truthProfiles(TRAINING_RUNS, seededRng(1_000 + seed)) })),
);
const model = models[0] as Model;
const ask = (own: Model, at: Pick<Profile, "dagInputBytes" | "functionIndex" | "stage">, minSamples = 5) =>
  predictCalibrated({ model: own, dagVersion: TRUTH_DAG.version, at, minSamples });
const at = (dagInputBytes: number, functionIndex = 1) => ({ dagInputBytes, functionIndex, stage: 0 });

function actualOf({ functionInputBytes, observation }: Profile): Record<ModelTarget, number> {
  const { cpuPeakCores, memoryPeakMb, cpuTimeMs } = observation;
  return { inputBytes: functionInputBytes, cpuCores: cpuPeakCores, memoryMb: memoryPeakMb, workCoreMs: cpuTimeMs };
}

interface Fresh {
  readonly profile: Profile;
  readonly forecast: FunctionForecast;
}

const fresh: readonly Fresh[] = models.flatMap((own, seed) =>
  truthProfiles(FRESH_RUNS, seededRng(90_000 + seed), "fresh").map((profile) => ({ profile, forecast: ask(own, profile) })),
);

function coverage(of: readonly Fresh[], target: ModelTarget): number {
  const covered = of.filter(({ profile, forecast }) => {
    const { p10, p90 } = forecast.predicted[target];
    const actual = actualOf(profile)[target];
    return p10 <= actual && actual <= p90;
  });
  return covered.length / of.length;
}

describe("bands", () => {
  for (const [index, law] of LAWS.entries())
    it(`cover 80 % of the runs of a ${law} function to within 3 points, for every quantity`, () => {
      const own = fresh.filter(({ profile }) => profile.functionIndex === index);
      for (const target of MODEL_TARGETS) {
        const share = coverage(own, target);
        assert.ok(Math.abs(share - 0.8) <= 0.03, `${target}: ${share}`);
      }
    });

  for (const [index, law] of LAWS.entries())
    it(`reach up to p99, below which 99 % of the runs of a ${law} function stay to within a point`, () => {
      const own = fresh.filter(({ profile }) => profile.functionIndex === index);
      for (const target of MODEL_TARGETS) {
        const below = own.filter(({ profile, forecast }) => actualOf(profile)[target] <= (forecast.predicted[target].p99 ?? 0));
        const share = below.length / own.length;
        assert.ok(Math.abs(share - 0.99) <= 0.01, `${target}: ${share}`);
      }
    });

  it("cover small and large inputs alike where errors grow with the size", () => {
    const own = fresh.filter(({ profile }) => LAWS[profile.functionIndex] === "heteroscedastic");
    const middle = Math.sqrt(SMALLEST_BYTES * LARGEST_BYTES);
    const [small, large] = [
      own.filter(({ profile }) => profile.dagInputBytes < middle),
      own.filter((f) => f.profile.dagInputBytes >= middle),
    ];
    for (const half of [small, large])
      for (const target of MODEL_TARGETS) assert.ok(Math.abs(coverage(half, target) - 0.8) <= 0.05, `${target}: ${coverage(half, target)}`);
    const width = ({ forecast }: Fresh) => forecast.predicted.cpuCores.p90 - forecast.predicted.cpuCores.p10;
    const meanWidth = (half: readonly Fresh[]) => half.reduce((sum, f) => sum + width(f), 0) / half.length;
    assert.ok(meanWidth(large) > 2 * meanWidth(small));
  });

  it("of the trees alone would not cover: their spread is that of the mean", () => {
    const { calibration, ...document } = model.document;
    assert.ok(calibration);
    const own = truthProfiles(FRESH_RUNS, seededRng(5), "fresh").filter((p) => p.functionIndex === 1);
    const bare = own.map((profile) => ({ profile, forecast: ask({ ...model, document }, profile) }));
    assert.ok(bare.every(({ forecast }) => forecast.predicted.cpuCores.basis === "trees" && forecast.near === undefined));
    assert.ok(Math.abs(coverage(bare, "cpuCores") - 0.8) > 0.03, `${coverage(bare, "cpuCores")}`);
  });
});

describe("a quantity that the size does not explain", () => {
  it("is recognised, in every model, and no other one is", () => {
    for (const { document } of models)
      for (const { index, targets } of document.calibration?.functions ?? assert.fail())
        for (const target of MODEL_TARGETS) {
          const independent = LAWS[index] === "size-independent" && target !== "inputBytes";
          assert.equal(targets[target]?.explained, !independent, `${LAWS[index]} ${target}: ${targets[target]?.skill}`);
        }
  });

  it("is predicted by its history, the same for every size", () => {
    const [small, large] = [ask(model, at(SMALLEST_BYTES * 2, 2)), ask(model, at(LARGEST_BYTES / 2, 2))];
    for (const target of ["cpuCores", "memoryMb", "workCoreMs"] as const) {
      assert.equal(small.predicted[target].basis, "history");
      assert.deepEqual(small.predicted[target], large.predicted[target]);
    }
    assert.equal(small.predicted.inputBytes.basis, "forest");
    // The truth is normal: 3 cores with a deviation of 0.48, so p90 is 1.28 deviations above.
    assert.ok(Math.abs(small.predicted.cpuCores.p90 - (3 + 1.2816 * 0.48)) < 0.2);
  });

  it("may be a constant: then it is predicted as it is", async () => {
    const constant = truthProfiles(20, seededRng(1)).map(
      (p): Profile => ({ ...p, observation: { ...p.observation, memoryPeakMb: 100, cpuPeakCores: 1, cpuTimeMs: 5 } }),
    );
    const { predicted } = ask(await trainDag({ ...TASK, profiles: constant }), at(50_000));
    assert.deepEqual(predicted.memoryMb, { mean: 100, p10: 100, p90: 100, p99: 100, basis: "history" });
    assert.deepEqual([predicted.cpuCores.mean, predicted.workCoreMs.p90], [1, 5]);
  });
});

describe("reasons not to trust a prediction", () => {
  it("outside of the profiled range nothing of the forests is used", () => {
    for (const bytes of [0, SMALLEST_BYTES / 3, LARGEST_BYTES * 3, 1e15, Number.NaN, Number.POSITIVE_INFINITY, -1]) {
      const { distrust, predicted, near } = ask(model, at(bytes));
      assert.equal(distrust, "outside-profiled-range", String(bytes));
      const { history } = model.document.calibration?.functions[1]?.targets.cpuCores ?? assert.fail();
      assert.deepEqual(predicted.cpuCores, { ...history, basis: "history" });
      assert.equal(near, 0);
    }
    assert.equal(ask(model, at(200_000)).distrust, undefined);
  });

  it("a gap between profiled sizes, too few samples, and a model of another version", async () => {
    const rng = seededRng(3);
    const around = (bytes: number) => Array.from({ length: 10 }, (_, i) => truthRun(bytes * (1 + i / 100), rng, `${bytes} ${i}`)).flat();
    const gapped = await trainDag({ ...TASK, profiles: [...around(10_000), ...around(900_000)] });
    assert.deepEqual([ask(gapped, at(10_100)).near, ask(gapped, at(10_100)).distrust], [10, undefined]);
    assert.deepEqual([ask(gapped, at(90_000)).near, ask(gapped, at(90_000)).distrust], [0, "too-few-samples"]);
    assert.equal(ask(gapped, at(10_100), 21).distrust, "too-few-samples");
    assert.equal(ask(gapped, at(10_100), 20).distrust, undefined);
    assert.equal(ask(gapped, at(10_100, 77)).distrust, "too-few-samples");
    const query = { model: gapped, dagVersion: "version-2", at: at(10_100), minSamples: 5 };
    assert.equal(predictCalibrated(query).distrust, "model-older-than-dag");
  });

  it("are never silenced: whatever is asked, bands are ordered numbers that are not negative", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e9 }), fc.nat(6), (bytes, index) => {
        const { predicted, distrust, near } = ask(model, at(bytes, index));
        for (const { mean, p10, p90 } of Object.values(predicted)) {
          assert.ok(Number.isFinite(mean) && p10 >= 0 && p90 >= p10);
        }
        if (index > 3 || !(bytes >= SMALLEST_BYTES / 2 && bytes <= LARGEST_BYTES * 2)) assert.notEqual(distrust, undefined);
        assert.equal(near === undefined, index > 3);
      }),
    );
  });
});

describe("calibration", () => {
  it("is deterministic by its seed, and left out on request", async () => {
    const profiles = truthProfiles(12, seededRng(1));
    const [a, b] = [await trainDag({ ...TASK, profiles }), await trainDag({ ...TASK, profiles: [...profiles].reverse() })];
    assert.deepEqual(a.document, b.document);
    const without = await trainDag({ ...TASK, profiles, folds: 0 });
    assert.equal(without.document.calibration, undefined);
    assert.equal(without.document.sha256, a.document.sha256);
  });

  it("lives with as little as two runs, of one size, one of which alone shows the demand", async () => {
    const rng = seededRng(1);
    const [first, second] = [truthRun(50_000, rng, "a"), truthRun(50_000, rng, "b")];
    const harvested = second.map((p): Profile => ({ ...p, observation: { ...p.observation, mode: "harvest" } }));
    for (const seed of [1, 2, 3, 4]) {
      const profiles = [...first, ...second];
      const { document } = await trainDag({ ...TASK, seed, profiles });
      assert.equal(document.calibration?.functions[0]?.targets.cpuCores?.bands.length, 1);
    }
    const third = truthRun(60_000, rng, "c").map((p): Profile => ({ ...p, observation: { ...p.observation, mode: "harvest" } }));
    const trained = await Promise.allSettled(
      [1, 2, 3, 4, 5, 6].map((seed) => trainDag({ ...TASK, seed, profiles: [...first, ...harvested, ...third] })),
    );
    // Where the split leaves the one run to train on, calibrating must not fail for want of another.
    for (const result of trained)
      if (result.status === "rejected") assert.match(String(result.reason), /The training split has nothing to learn/);
    assert.ok(trained.some(({ status }) => status === "fulfilled"));
  });

  it("counts near runs whatever their distribution", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(200), { minLength: 1, maxLength: 50 }), fc.nat(1e6), (cells, bytes) => {
        const ascending = [...new Set(cells)].sort((a, b) => a - b);
        const own = { index: 0, sizes: { cells: ascending, runs: ascending.map(() => 2) }, targets: {} };
        const near = samplesNear(own, bytes);
        assert.ok(near >= 0 && near <= 2 * 17 && near % 2 === 0);
      }),
    );
    const profiles = [10_000, 14_000, 30_000].flatMap((bytes) => truthRun(bytes, seededRng(bytes), String(bytes)));
    return trainDag({ ...TASK, profiles }).then(({ document }) => {
      const own = document.calibration?.functions[0] ?? assert.fail();
      assert.deepEqual(
        [10_000, 14_000, 30_000, 100_000].map((bytes) => samplesNear(own, bytes)),
        [2, 2, 1, 0],
      );
    });
  });

  it("takes quantiles below which one more sample falls as often as they say", () => {
    const rng = seededRng(4);
    let below = 0;
    const trials = 20_000;
    for (let trial = 0; trial < trials; trial++) {
      const sorted = Float64Array.from({ length: 19 }, () => rng.next()).sort();
      if (rng.next() < quantile(sorted, 0.9)) below++;
    }
    assert.ok(Math.abs(below / trials - 0.9) < 0.01);
    assert.equal(quantile(Float64Array.of(3), 0.1), 3);
    assert.deepEqual([quantile(Float64Array.of(1, 2), 0.1), quantile(Float64Array.of(1, 2), 0.9)], [1, 2]);
  });
});
