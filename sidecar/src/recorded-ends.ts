/**
 * Ends that no applier told of: its word may be lost, and OpenWhisk's own record of the activation is not. What explains a decision
 * asks OpenWhisk for them, so that nothing is said to run that has ended. Pure.
 */
import type { DecisionRecord } from "./decision-record.js";
import type { RunRecord, StageRecord } from "./ledger/stage-record.js";

export interface RecordedEnds {
  /** The composition run as a whole has ended. */
  readonly isOver: boolean;
  /** Of activations, by their ids: wall clock, ms. */
  readonly endedAtMs: ReadonlyMap<string, number>;
}

/** The activations of runs whose end is not known. */
export function runsWithoutEnd({ ledger = [] }: Pick<DecisionRecord, "ledger">): string[] {
  return ledger.flatMap(({ runs }) => runs.filter(({ endedMs }) => endedMs === undefined).map(({ activationId }) => activationId));
}

/** A stage that was open is closed by the end of its composition. What appliers told stays as it is. */
export function withRecordedEnds(decision: DecisionRecord, ends: RecordedEnds): DecisionRecord {
  return decision.ledger ? { ...decision, ledger: decision.ledger.map((stage) => stageWith(stage, ends)) } : decision;
}

function stageWith(stage: StageRecord, { isOver, endedAtMs }: RecordedEnds): StageRecord {
  const runs = stage.runs.map((run): RunRecord => {
    const endMs = endedAtMs.get(run.activationId);
    if (run.endedMs !== undefined || endMs === undefined) return run;
    return { ...run, endedMs: Math.max(run.startedMs, endMs - stage.openedAtMs) };
  });
  return { ...stage, runs, ...(isOver && !stage.closed && { closed: "recorded" as const }) };
}
