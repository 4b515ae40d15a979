import assert from "node:assert/strict";
import { test } from "node:test";
import type { DecisionRecord } from "./decision-record.js";
import { explainOutcome } from "./explain-outcome.js";
import type { RunRecord, StageRecord } from "./ledger/stage-record.js";
import { runsWithoutEnd, withRecordedEnds } from "./recorded-ends.js";

const run = (activationId: string, position: number, more: Partial<RunRecord> = {}): RunRecord => ({
  ...{ k: `r:/[1].0#${position}`, position, activationId, node: "n", startedMs: 10, heardMs: 10 },
  limits: { cpuCores: 1, memoryMb: 256 },
  allocatedCoreMs: 0,
  ...more,
});
const stage: StageRecord = {
  ...{ forkPath: "[1]", fork: "/[1].0", policy: "makespan", openedAtMs: 1_000_000 },
  ...{ moves: [], omitted: 0, excessPeak: { cpuCores: 0, memoryMb: 0 } },
  runs: [run("told", 0, { endedMs: 300 }), run("lost", 1), run("nowhere", 2)],
};
const decision = { ledger: [stage] } as unknown as DecisionRecord;
const wordsOf = ({ ledger = [] }: DecisionRecord) => ledger.flatMap((record) => explainOutcome(record, [])).join("\n");

test("a stage whose applier lost a word is open until its composition has ended, and then it does not run", () => {
  assert.match(wordsOf(decision), /it still runs/);
  assert.deepEqual(runsWithoutEnd(decision), ["lost", "nowhere"]);

  const known = withRecordedEnds(decision, { isOver: false, endedAtMs: new Map([["lost", 1_000_450]]) });
  assert.match(wordsOf(known), /it still runs[\s\S]*branch 1 +10 +450/);
  assert.deepEqual(runsWithoutEnd(known), ["nowhere"]);

  const over = withRecordedEnds(known, { isOver: true, endedAtMs: new Map() });
  assert.doesNotMatch(wordsOf(over), /\bruns? *$|still runs/m);
  assert.match(wordsOf(over), /its composition has ended[\s\S]*branch 2 +10 +not told/);
});

test("what an applier told is not overwritten, and no run ends before it has started", () => {
  const ends = {
    isOver: true,
    endedAtMs: new Map([
      ["told", 1_000_900],
      ["lost", 999_000],
    ]),
  };
  const closed = withRecordedEnds({ ...decision, ledger: [{ ...stage, closed: "paused" }] } as DecisionRecord, ends);
  assert.deepEqual(
    closed.ledger?.[0]?.runs.map(({ endedMs }) => endedMs),
    [300, 10, undefined],
  );
  assert.equal(closed.ledger?.[0]?.closed, "paused");
});

test("a decision without a ledger stays as it is", () => {
  const none = {} as DecisionRecord;
  assert.deepEqual(runsWithoutEnd(none), []);
  assert.equal(withRecordedEnds(none, { isOver: true, endedAtMs: new Map() }), none);
});
