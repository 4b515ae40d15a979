import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decide } from "./decide/decide.js";
import type { DecisionState } from "./decide/state.js";
import { dagOf, type FunctionSpec, ROOT, stateOf } from "./decide/state.kit.js";
import type { DecisionRecord } from "./decision-record.js";
import { explainDecision } from "./explain.js";

const fn = (userCores: number, cpuCores: FunctionSpec["cpuCores"], workCoreMs: FunctionSpec["workCoreMs"], rest = {}): FunctionSpec => ({
  user: { cpuCores: userCores, memoryMb: 512 },
  cpuCores,
  memoryMb: 200,
  workCoreMs,
  ...rest,
});

function explain(state: DecisionState, outcome: Partial<DecisionRecord> = {}): string {
  const { faults: _, ...draft } = decide(state);
  const record = { ...draft, id: `${ROOT}-1`, published: true, decidedAtMs: 0, stepMs: { predict: 0.04, split: 0.1, publish: 0.2 } };
  return explainDecision({ ...record, ...outcome }).join("\n");
}

describe("explain", () => {
  it("tells a harvested stage line by line", () => {
    const specs = [
      fn(2, [3, 3.2], [9_000, 10_000]),
      fn(2, 1, 100),
      fn(2, 1, 100, { excluded: "action-off" }),
      fn(2, 1, 30, { samples: 2 }),
    ];
    assert.equal(
      explain(stateOf(specs, { policy: "makespan" })),
      `Decision 0123456789abcdef0123456789abcdef-1
  workflow   /guest/job, version v1
  mode       harvest, policy makespan
  published  yes, Redis has it
  in force   not that is known: no run has told that it was given this
  input      1,000 bytes
  model      version 7
  grid       cpu 1..8 by 1 cores, memory 128..8192 by 128 MB

Stage [1], parallel of 4: budget 4 cores and 1024 MB
  predicted: mean (p10..p90)       input bytes           cpu cores         memory MB            work core-ms  runs near
  /guest/f0                   100 (100..100) +  3.1 (3.02..3.18) +  200 (200..200) +  9,500 (9,100..9,900) +    ? of 20
  /guest/f1                   200 (200..200) +          1 (1..1) +  200 (200..200) +        100 (100..100) +    ? of 20
  /guest/f3                   400 (400..400) +          1 (1..1) +  200 (200..200) +           30 (30..30) +     ? of 2
  + the band is the spread of the trees: this model was trained without calibration.
  /guest/f2 keeps its user allocation: its action has opted out of harvesting (action-off).
  /guest/f3 keeps its user allocation: too few profiled runs (too-few-samples).
  CPU: accepted, the stage gets shorter by more than the prediction's uncertainty (shorter-stage).
    cores      demand  user  allocation
    /guest/f0       4     2           3  receives 1
    /guest/f1       1     2           1     gives 1
  Memory: accepted, the demands fit into the budget (fits-budget).
    MB         demand  user  allocation
    /guest/f0     256   512         256  gives 256
    /guest/f1     256   512         256  gives 256
    512 MB of the budget stay unused.
  Predicted time of the stage: 4,750 ms with the user allocations, 3,167 ms as decided (-33.3 %).

Decided in 0.34 ms: predict 0.04, split 0.10, publish 0.20.`,
    );
  });

  it("says that a decision is in force only when runs have told that they were given it", () => {
    const run = {
      k: "k",
      position: 0,
      activationId: "a",
      node: "n",
      startedMs: 0,
      heardMs: 0,
      limits: { memoryMb: 256 },
      allocatedCoreMs: 0,
    };
    const record = { forkPath: "[1]", fork: "/[1].0", policy: "paper", openedAtMs: 0, moves: [], runs: [run, run], omitted: 0 } as const;
    const ledger = [{ ...record, excessPeak: { cpuCores: 0, memoryMb: 0 } }];
    const state = stateOf([fn(2, 3, 900), fn(2, 1, 100)]);
    assert.match(explain(state, { ledger }), /in force +for 2 runs/);
    assert.match(explain(state, {}), /published +yes.*\n +in force +not that is known/);
  });

  it("tells why a stage keeps its user allocations, and why nothing is in force", () => {
    const { model: _, ...state } = stateOf([fn(2.5, 3, 900), fn(2, 1, 100)]);
    assert.equal(
      explain(state, { published: false, unpublished: "redis-unavailable" }),
      `Decision 0123456789abcdef0123456789abcdef-1
  workflow   /guest/job, version v1
  mode       harvest, policy paper
  published  no (redis-unavailable: Redis did not answer)
  input      1,000 bytes
  model      none
  grid       cpu 1..8 by 1 cores, memory 128..8192 by 128 MB

Stage [1], parallel of 2: budget 4.5 cores and 1024 MB
  CPU: user allocations, no model has been trained for this workflow (no-model).
  Memory: user allocations, no model has been trained for this workflow (no-model).

Decided in 0.34 ms: predict 0.04, split 0.10, publish 0.20.`,
    );
  });

  it("counts a sequence as one branch, whose functions have the same one after another", () => {
    const specs = [fn(2, 3, 500, { position: 0 }), fn(2, 3, 500, { position: 0 }), fn(2, 1, 100, { position: 1 })];
    const text = explain(stateOf(specs, { policy: "makespan" }));
    assert.match(text, /^Stage \[1\], parallel of 2: budget 4 cores and 1024 MB$/m);
    assert.match(text, /f0 .* receives 1\n.*f1 .* receives 1\n.*f2 .* gives 1$/m);
    assert.match(text, /^ {4}512 MB of the budget stay unused\.$/m);
    assert.doesNotMatch(text, /cores of the budget stay unused/);
  });

  it("names no sharer in a branch of which one function may not share", () => {
    const specs = [fn(2, 3, 500, { position: 0 }), fn(2, 3, 500, { position: 0, samples: 1 }), fn(2, 1, 90), fn(2, 1, 90)];
    const sharers = /CPU: .*\n.*\n(?: {4}\/guest\/f[23] .*\n){2}.*unused/;
    assert.match(explain(stateOf(specs)), sharers);
  });

  it("says of a map that it is decided when it forks, and of one that cannot be that it shares nothing", () => {
    const body = [fn(2, 3, 500, { position: 0 }), fn(2, 1, 100, { position: 0 })];
    const mapped = explain(stateOf(body, { dag: dagOf(body, { kind: "map" }) }));
    assert.match(mapped, /^Stage \[1\], map: it is decided when it forks, with the sizes of its items \(decided-at-fork\)$/m);
    const varying = explain(stateOf(body, { dag: dagOf(body, { kind: "map", branches: ["varying"] }) }));
    assert.match(varying, /CPU: user allocations, no branch of the stage can share \(stage-excluded\)\./);
  });

  it("shows what a refused policy would have had to split", () => {
    const text = explain(stateOf([fn(2, 5, 900), fn(2, 1, 100)]));
    assert.match(
      text,
      /CPU: user allocations, the demands exceed the budget .* \(exceeds-budget\)\.\n.*\n {4}\/guest\/f0 {7}5 {5}2 {11}2 {2}keeps/,
    );
    assert.match(text, /Predicted time of the stage: 450 ms with the user allocations, 450 ms as decided \(0\.0 %\)\./);
  });

  it("has a line for modes that look at nothing, and no name for the root stage", () => {
    assert.match(explain(stateOf([], { mode: "off" }), { published: false, unpublished: "mode" }), /No parallel stage was looked at\./);
    const specs = [fn(2, 3, 900), fn(2, 1, 100)];
    const dag = dagOf(specs, { forkPath: "" });
    const atRoot = { ...dag, functions: dag.functions.map((one) => ({ ...one, forkPath: "" })) };
    assert.match(explain(stateOf(specs, { dag: atRoot })), /^Stage \(root\), parallel of 2/m);
  });

  it("is plain text, whatever the numbers", () => {
    const text = explain(stateOf([fn(2, 0.000123, 0), fn(2, 7.9999, 1e7)], { inputBytes: 5e9 }));
    assert.match(text, /^[\x20-\x7e\n]*$/);
    assert.match(text, /input +5,000,000,000 bytes/);
  });
});
