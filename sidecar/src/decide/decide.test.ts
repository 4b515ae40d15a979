import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decide, splitStages } from "./decide.js";
import { predict } from "./predict.js";
import type { DecisionState } from "./state.js";
import { dagOf, type FunctionSpec, modelOf, stateOf } from "./state.kit.js";

const fn = (userCores: number, cpuCores: number, workCoreMs: number, rest: Partial<FunctionSpec> = {}): FunctionSpec => ({
  user: { cpuCores: userCores, memoryMb: 256 },
  cpuCores,
  memoryMb: 200,
  workCoreMs,
  ...rest,
});

const onlyStage = (state: DecisionState) => {
  const stage = decide(state).stages[0];
  assert.ok(stage);
  return stage;
};
const cpuOf = (state: DecisionState) => onlyStage(state).functions.map((f) => f.allocation.cpuCores);

describe("decide: the paper's examples", () => {
  it("normalizes 2.78 cores to 3 and 234.32 MB to 256", () => {
    const stage = onlyStage(stateOf([fn(4, 2.78, 100, { memoryMb: 234.32 }), fn(4, 1, 100)]));
    assert.deepEqual(stage.functions[0]?.demand, { cpuCores: 3, memoryMb: 256 });
  });

  it("accepts 3:1 on 4, takes 6:2 on 4 as 3:1, and refuses 5:1 on 4", () => {
    const three = stateOf([fn(2, 3, 900), fn(2, 1, 100)]);
    assert.deepEqual(onlyStage(three).cpu, { accepted: true, reason: "fits-budget" });
    assert.deepEqual(cpuOf(three), [3, 1]);

    const six = stateOf([fn(2, 6, 900), fn(2, 2, 100)]);
    assert.deepEqual(onlyStage(six).cpu, { accepted: true, reason: "ratio-split" });
    assert.deepEqual(cpuOf(six), [3, 1]);

    const five = stateOf([fn(2, 5, 900), fn(2, 1, 100)]);
    assert.deepEqual(onlyStage(five).cpu, { accepted: false, reason: "exceeds-budget" });
    assert.deepEqual(cpuOf(five), [2, 2]);
  });
});

describe("decide: predictions", () => {
  it("chains ML1 into ML2 and names the model", () => {
    const draft = decide(stateOf([fn(2, 3, 900), fn(2, 1, 100)]));
    const predicted = draft.stages[0]?.functions[1]?.predicted;
    assert.deepEqual(predicted?.inputBytes, { mean: 200, p10: 200, p90: 200, basis: "trees" });
    assert.equal(predicted?.samples, 20);
    assert.equal(draft.modelVersion, "7");
  });

  it("adds no margin under paper, and half of the spread above the mean under makespan", () => {
    const specs = [fn(4, 1, 100, { cpuCores: [1, 1, 1, 1, 6] }), fn(4, 1, 100)]; // mean 2, p90 4
    assert.equal(onlyStage(stateOf(specs)).functions[0]?.demand?.cpuCores, 2);
    assert.equal(onlyStage(stateOf(specs, { policy: "makespan" })).functions[0]?.demand?.cpuCores, 3);
  });

  it("predicts the stage's time before and after", () => {
    const stage = onlyStage(stateOf([fn(2, 3, 900), fn(2, 1, 100)], { policy: "makespan" }));
    assert.deepEqual(stage.predictedMs, { user: 450, allocated: 300 });
  });
});

describe("decide: a function that does not count keeps U", () => {
  it("leaves untrusted functions out of the budget and shares among the rest", () => {
    const stage = onlyStage(stateOf([fn(2, 3, 900), fn(2, 1, 100), fn(3.3, 8, 900, { samples: 4 })]));
    assert.equal(stage.budget.cpuCores, 4);
    assert.equal(stage.functions[2]?.predicted?.distrust, "too-few-samples");
    assert.deepEqual(
      stage.functions.map((f) => f.allocation.cpuCores),
      [3, 1, 3.3],
    );
  });

  it("refuses a stage when fewer than two predictions are trusted, with the reason of each", () => {
    const specs = [fn(2, 3, 900), fn(2, 1, 100)];
    const cases: [Partial<DecisionState>, string][] = [
      [{ inputBytes: 94 }, "outside-profiled-range"],
      [{ inputBytes: 10_501 }, "outside-profiled-range"],
      [{ minSamples: 21 }, "too-few-samples"],
      [{ model: modelOf(specs, { dagVersion: "v0" }) }, "model-older-than-dag"],
    ];
    for (const [overrides, distrust] of cases) {
      const stage = onlyStage(stateOf(specs, overrides));
      assert.deepEqual(stage.cpu, { accepted: false, reason: "untrusted-prediction" });
      assert.deepEqual(stage.memory, { accepted: false, reason: "untrusted-prediction" });
      assert.equal(stage.functions[0]?.predicted?.distrust, distrust);
      assert.equal(stage.predictedMs, undefined);
      assert.deepEqual(stage.functions[0]?.allocation, { cpuCores: 2, memoryMb: 256 });
    }
  });

  it("trusts inputs up to 5 % beyond the profiled range", () => {
    for (const inputBytes of [95.3, 10_500])
      assert.equal(onlyStage(stateOf([fn(2, 3, 9), fn(2, 1, 1)], { inputBytes })).cpu.accepted, true);
  });

  it("says no-model without one", () => {
    const { model: _, ...state } = stateOf([fn(2, 3, 900), fn(2, 1, 100)]);
    const stage = onlyStage(state);
    assert.deepEqual([stage.cpu.reason, stage.memory.reason], ["no-model", "no-model"]);
    assert.deepEqual(stage.budget, { cpuCores: 4, memoryMb: 512 });
  });

  it("says nothing-to-share when fewer than two functions count", () => {
    const stage = onlyStage(stateOf([fn(2, 3, 900), fn(2, 1, 100, { excluded: "concurrency-above-one" })]));
    assert.equal(stage.cpu.reason, "nothing-to-share");
    assert.equal(stage.functions[1]?.excluded, "concurrency-above-one");
    assert.equal(stage.functions[1]?.predicted, undefined);
  });

  it("leaves a function without user CPU out of CPU harvesting only", () => {
    const noCpu: FunctionSpec = { user: { memoryMb: 512 }, cpuCores: 1, memoryMb: 100, workCoreMs: 9, excluded: "no-user-cpu" };
    const stage = onlyStage(stateOf([fn(2, 3, 900), fn(2, 1, 100), noCpu]));
    assert.equal(stage.budget.cpuCores, 4);
    assert.equal(stage.budget.memoryMb, 1024);
    assert.deepEqual(stage.functions[2]?.allocation, { memoryMb: 128 });
  });

  it("decides nothing of a map before it forks, and says whether it will", () => {
    const body = [fn(2, 3, 900, { position: 0 }), fn(2, 1, 100, { position: 0 })];
    const stage = onlyStage(stateOf(body, { dag: dagOf(body, { kind: "map" }) }));
    assert.deepEqual([stage.cpu.reason, stage.memory.reason, stage.functions], ["decided-at-fork", "decided-at-fork", []]);
    const varying = onlyStage(stateOf(body, { dag: dagOf(body, { kind: "map", branches: ["varying"] }) }));
    assert.deepEqual([varying.cpu.reason, varying.memory.reason], ["stage-excluded", "stage-excluded"]);
  });

  it("decides no stages in the modes off and profile (H4), and the same in observe as in harvest", () => {
    const specs = [fn(2, 3, 900), fn(2, 1, 100)];
    for (const mode of ["off", "profile"] as const) assert.deepEqual(decide(stateOf(specs, { mode })).stages, []);
    assert.deepEqual(decide(stateOf(specs, { mode: "observe" })).stages, decide(stateOf(specs)).stages);
  });

  it("decides CPU and memory apart", () => {
    const stage = onlyStage(stateOf([fn(2, 5, 900), fn(2, 1, 100)]));
    assert.deepEqual([stage.cpu.accepted, stage.memory.accepted], [false, false]);
    const harvested = onlyStage(stateOf([fn(2, 5, 900, { memoryMb: 300 }), fn(2, 1, 100, { memoryMb: 100 })]));
    assert.deepEqual([harvested.cpu.accepted, harvested.memory.accepted], [false, true]);
    assert.deepEqual(harvested.functions[0]?.allocation, { cpuCores: 2, memoryMb: 384 });
  });
});

describe("decide: a policy that breaks an invariant", () => {
  it("is stopped by the validator: user allocations, and a fault for the log", () => {
    const state = stateOf([fn(2, 3, 900), fn(2, 1, 100)]);
    const greedy = () => ({ accepted: true, reason: "fits-budget", amounts: [4, 4] }) as const;
    const offGrid = () => ({ accepted: true, reason: "fits-budget", amounts: [200, 200] }) as const;
    const draft = splitStages(state, predict(state), { cpuCores: greedy, memoryMb: offGrid });
    const stage = draft.stages[0];
    assert.deepEqual([stage?.cpu, stage?.memory], Array(2).fill({ accepted: false, reason: "invalid-split" }));
    assert.deepEqual(stage?.functions[0]?.allocation, { cpuCores: 2, memoryMb: 256 });
    assert.match(draft.faults.join("\n"), /H1: 8 exceeds the budget of 4.*\n.*H2: 200 is not on the grid/);
  });
});
