import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Calibration, TargetCalibration } from "@openwhisk-harvest/core";
import { explainDecision } from "../explain.js";
import { decide } from "./decide.js";
import { predict } from "./predict.js";
import type { DecisionState } from "./state.js";
import { dagOf, modelOf, stateOf } from "./state.kit.js";

const SPECS = [
  { user: { cpuCores: 2, memoryMb: 512 }, cpuCores: 3, memoryMb: 200, workCoreMs: 900 },
  { user: { cpuCores: 2, memoryMb: 512 }, cpuCores: 1, memoryMb: 100, workCoreMs: 100 },
];

const explained = (low: number, high: number): TargetCalibration => ({
  samples: 40,
  skill: 0.9,
  explained: true,
  history: { mean: 50, p10: 40, p90: 60 },
  bands: [{ fromDagInputBytes: 100, samples: 40, low, high }],
});
const byHistory = (mean: number, p10: number, p90: number): TargetCalibration => ({
  ...explained(0, 0),
  explained: false,
  history: { mean, p10, p90 },
});

/** Of both functions; 40 runs of exactly 1,000 bytes each. */
function stateWith(targets: Calibration["functions"][number]["targets"], more: Partial<DecisionState> = {}): DecisionState {
  const functions = SPECS.map((_, index) => ({ index, sizes: { cells: [141], runs: [40] }, targets }));
  const model = modelOf(SPECS, { calibration: { coverage: 0.8, folds: 20, functions } });
  return stateOf(SPECS, { model, ...more });
}

const CALIBRATED = {
  inputBytes: explained(-5, 5),
  cpuCores: explained(-0.5, 1),
  memoryMb: explained(-10, 300),
  workCoreMs: explained(-100, 200),
};

function predictedOf(state: DecisionState, index = 0) {
  return predict(state).get(index)?.predicted ?? assert.fail();
}

describe("demand", () => {
  it("is what 99 of 100 runs stay below under makespan, and the mean under paper", () => {
    const bands = [{ fromDagInputBytes: 100, samples: 40, low: -0.5, high: 1, top: 2.5 }];
    const targets = { ...CALIBRATED, cpuCores: { ...CALIBRATED.cpuCores, bands } };
    const demandOf = (more: Partial<DecisionState>) => decide(stateWith(targets, more)).stages[0]?.functions[0]?.demand?.cpuCores;
    assert.equal(demandOf({ policy: "paper", marginSpread: 1 }), 3);
    assert.equal(demandOf({ policy: "makespan", marginSpread: 1 }), 6); // 3 + 2.5
    assert.equal(demandOf({ policy: "makespan", marginSpread: 0.2 }), 4); // 3 + 0.5
  });
});

describe("predict", () => {
  it("puts the calibrated band around the forest's mean, and tells how many runs were near", () => {
    const predicted = predictedOf(stateWith(CALIBRATED));
    assert.deepEqual(predicted, {
      inputBytes: { mean: 100, p10: 95, p90: 105, basis: "forest" },
      cpuCores: { mean: 3, p10: 2.5, p90: 4, basis: "forest" },
      memoryMb: { mean: 200, p10: 190, p90: 500, basis: "forest" },
      workCoreMs: { mean: 900, p10: 800, p90: 1100, basis: "forest" },
      samples: 20,
      near: 40,
    });
  });

  it("gives each reason not to trust a prediction, and such a function keeps its user allocation", () => {
    const newer = { ...dagOf(SPECS), version: "v2" };
    const reasons: readonly [Partial<DecisionState>, string][] = [
      [{ dag: newer }, "model-older-than-dag"],
      [{ inputBytes: 50 }, "outside-profiled-range"],
      [{ inputBytes: 11_000 }, "outside-profiled-range"],
      [{ minSamples: 21 }, "too-few-samples"],
      [{ inputBytes: 8_000 }, "too-few-samples"], // a gap: nothing of this size was profiled
    ];
    for (const [more, reason] of reasons) {
      const state = stateWith(CALIBRATED, more);
      assert.equal(predictedOf(state).distrust, reason);
      const stage = decide(state).stages[0];
      assert.deepEqual([stage?.cpu.reason, stage?.memory.reason], ["untrusted-prediction", "untrusted-prediction"]);
      for (const { allocation, demand } of stage?.functions ?? [])
        assert.deepEqual([allocation, demand], [{ cpuCores: 2, memoryMb: 512 }, undefined]);
    }
  });

  it("reserves the history's 90th percentile of a resource that the size does not explain, under either policy", () => {
    for (const policy of ["paper", "makespan"] as const) {
      const state = stateWith({ ...CALIBRATED, memoryMb: byHistory(150, 100, 270) }, { policy });
      const [first] = decide(state).stages[0]?.functions ?? [];
      assert.deepEqual(first?.predicted?.memoryMb, { mean: 150, p10: 100, p90: 270, basis: "history" });
      assert.equal(first?.demand?.memoryMb, 384);
    }
  });

  it("draws work that the size does not explain from its history: spread as it is, and not in step with the others", () => {
    const trees = Array.from({ length: 100 }, (_, i) => i);
    const specs = SPECS.map((spec) => ({ ...spec, workCoreMs: trees }));
    const calibrated = stateWith({ ...CALIBRATED, workCoreMs: byHistory(500, 100, 700) }).model?.document.calibration;
    const predictions = predict(stateOf(specs, { model: modelOf(specs, { calibration: calibrated }) }));
    const draws = [0, 1].map((index) => predictions.get(index)?.workPerTree ?? assert.fail());
    for (const own of draws) {
      const sorted = own.slice().sort();
      assert.equal(sorted.length, 100);
      assert.ok(Math.abs((sorted[10] as number) - 100) < 10 && Math.abs((sorted[90] as number) - 700) < 10);
      assert.ok((sorted[0] as number) >= 0);
    }
    const together = trees.filter((i) => (draws[0]?.[i] as number) < 500 === (draws[1]?.[i] as number) < 500).length;
    assert.ok(together > 25 && together < 75, `${together}`);
  });

  it("answers the same before and after its forests are laid out", () => {
    const state = stateWith(CALIBRATED);
    const first = predict(state);
    for (let i = 0; i < 10; i++) assert.deepEqual(predict(state), first);
  });

  it("is told in the explanation: runs near, and what rests on history", () => {
    const draft = decide(stateWith({ ...CALIBRATED, cpuCores: byHistory(2, 1, 3) }));
    const decision = { ...draft, id: "d", published: false, decidedAtMs: 0, stepMs: {} };
    const text = explainDecision(decision).join("\n");
    assert.match(text, /2 \(1\.\.3\) \* .* 40 of 20/);
    assert.match(text, /\* from the history of all runs/);
    assert.doesNotMatch(text, /spread of the trees/);
  });
});
