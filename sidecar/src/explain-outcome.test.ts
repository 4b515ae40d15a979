import assert from "node:assert/strict";
import { test } from "node:test";
import { decide } from "./decide/decide.js";
import { stateOf } from "./decide/state.kit.js";
import { explainOutcome } from "./explain-outcome.js";
import type { RunRecord, StageRecord } from "./ledger/stage-record.js";

const spec = { user: { cpuCores: 2, memoryMb: 512 }, cpuCores: 1, memoryMb: 200, workCoreMs: 100 };
const { stages } = decide(stateOf([spec, spec]));

const run = (position: number, more: Partial<RunRecord> = {}): RunRecord => ({
  ...{ k: "k", position, activationId: "a", node: "n", startedMs: 0, heardMs: 0 },
  limits: { cpuCores: 1, memoryMb: 256 },
  allocatedCoreMs: 1_000,
  ...more,
});
const record: StageRecord = {
  ...{ forkPath: "[1]", fork: "/[1].0", policy: "makespan", openedAtMs: 0 },
  ...{ realMs: 800, predictedMs: { user: 1_000, allocated: 750 } },
  moves: [
    { atMs: 300, position: 1, resource: "cpuCores", kind: "give", amount: 0.25 },
    { atMs: 400.4, position: 1, resource: "cpuCores", kind: "take", amount: 0.1 + 0.2 },
    { atMs: 400.4, position: 0, resource: "memoryMb", kind: "give-back", amount: 128 },
  ],
  runs: [run(0, { endedMs: 300, usedCoreMs: 250, usedMemoryMb: 99.6 }), run(1)],
  omitted: 0,
  excessPeak: { cpuCores: 0, memoryMb: 0 },
  closed: "ended",
};

test("tells what came of a stage, line by line", () => {
  assert.deepEqual(explainOutcome(record, stages), [
    "What came of stage [1] at /[1].0: all its runs have ended",
    "  It took 800 ms; 750 ms were predicted for it as decided.",
    "  Without harvesting 1,000 ms were predicted: it took 20.0 % less.",
    "  run        started ms  ended ms  cores last  core-ms given  core-ms used  of it  MB last  MB used",
    "  /guest/f0           0       300           1          1,000           250   25 %      256     99.6",
    "  /guest/f1           0  not told           1          1,000             -      -      256        -",
    "  After 300 ms /guest/f1 is given 0.25 cores.",
    "  After 400 ms /guest/f1 gives way by 0.3 cores.",
    "  After 400 ms /guest/f0 needs its own, and gets back 128 MB.",
  ]);
});

test("tells a stage that took longer, was given up, went above its budget, or was too long to list", () => {
  const odd = { ...record, realMs: 1_500, omitted: 7, excessPeak: { cpuCores: 0.25, memoryMb: 0 }, closed: "timeout" as const };
  const lines = explainOutcome(odd, stages).join("\n");
  for (const said of [/nothing was heard/, /50.0 % more/, /7 more moves/, /at most 0.25 cores and 0 MB above/]) assert.match(lines, said);
});

test("a stage that the decision does not know any more is told by its positions", () => {
  assert.match(explainOutcome({ ...record, forkPath: "[9]" }, stages).join("\n"), /branch 1 is given/);
});
