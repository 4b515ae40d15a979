/**
 * What came of one stage, for people: kept while its ledger lives, and stored with its decision when it closes.
 * Bounded: a stage of `map` may be wide, and a record is no log.
 */
import type { Allocation, LeaseEvent, LeaseReport, PolicyName, StageDecision } from "@openwhisk-harvest/core";
import type { LedgerEffect, MoveKind } from "./ledger.js";
import type { CloseReason, Resource, Stage } from "./stage.js";

/** Of each list; what is beyond is counted in `omitted`. */
const MOST_ENTRIES = 200;

/** One move of a run's limits. Times are ms after the stage was first heard of. */
export interface MoveRecord {
  readonly atMs: number;
  readonly position: number;
  readonly resource: Resource;
  readonly kind: MoveKind;
  readonly amount: number;
}

/** One function run, as its applier told of it. */
export interface RunRecord {
  readonly k: string;
  readonly position: number;
  readonly activationId: string;
  readonly node: string;
  readonly startedMs: number;
  /** Absent while it runs, and when its end was never heard of. */
  readonly endedMs?: number;
  /** Of the last word; what is in force since then stands in `limits`. */
  readonly heardMs: number;
  readonly limits: LeaseReport["limits"];
  /** CPU in force over time, and CPU used, in core-ms: what of its limits was of use. */
  readonly allocatedCoreMs: number;
  readonly usedCoreMs?: number;
  /** The most that any word told. */
  readonly usedMemoryMb?: number;
}

export interface StageRecord {
  readonly forkPath: string;
  /** Outer trail, fork path and number, see run-key.ts. */
  readonly fork: string;
  readonly policy: PolicyName;
  readonly openedAtMs: number;
  /** Ms from the first start to the last end; absent while a branch runs, or an end was never heard of. */
  readonly realMs?: number;
  /** With U, and as decided; `realMs` is to be held against them. */
  readonly predictedMs?: StageDecision["predictedMs"];
  readonly moves: readonly MoveRecord[];
  readonly runs: readonly RunRecord[];
  readonly omitted: number;
  /** Above B by give-back: the most at any moment. */
  readonly excessPeak: Allocation;
  /** `recorded`: its composition has ended, by OpenWhisk's record of it; the ledger has not heard of all its ends. */
  readonly closed?: CloseReason | "recorded";
}

export function openRecord(of: Pick<StageRecord, "forkPath" | "fork" | "policy" | "openedAtMs" | "predictedMs">): StageRecord {
  return { ...of, moves: [], runs: [], omitted: 0, excessPeak: { cpuCores: 0, memoryMb: 0 } };
}

export function recordStep(record: StageRecord, stage: Stage, effects: readonly LedgerEffect[], nowMs: number): StageRecord {
  const atMs = Math.max(0, nowMs - stage.openedAtMs);
  const moves = effects.flatMap((effect): MoveRecord[] => {
    if (effect.type !== "moved") return [];
    const { position, resource, kind, amount } = effect;
    return [{ atMs, position, resource, kind, amount }];
  });
  const room = MOST_ENTRIES - record.moves.length;
  const closed = effects.find((effect) => effect.type === "closed");
  return {
    ...record,
    moves: moves.length === 0 ? record.moves : [...record.moves, ...moves.slice(0, room)],
    omitted: record.omitted + Math.max(0, moves.length - room),
    excessPeak: {
      cpuCores: Math.max(record.excessPeak.cpuCores, stage.excess.cpuCores),
      memoryMb: Math.max(record.excessPeak.memoryMb, stage.excess.memoryMb),
    },
    ...(closed && { closed: closed.reason }),
  };
}

/** Only for words that the ledger took. */
export function recordWord(record: StageRecord, { type, k, activationId, lease }: LeaseEvent, position: number, atMs: number): StageRecord {
  const { node, limits, usedCoreMs, usedMemoryMb } = lease;
  const known = record.runs.find((run) => run.k === k && run.activationId === activationId);
  if (!known && record.runs.length >= MOST_ENTRIES) return { ...record, omitted: record.omitted + 1 };
  const before: RunRecord = known ?? { k, position, activationId, node, startedMs: atMs, heardMs: atMs, limits, allocatedCoreMs: 0 };
  const run: RunRecord = {
    ...before,
    limits,
    allocatedCoreMs: before.allocatedCoreMs + (before.limits.cpuCores ?? 0) * (atMs - before.heardMs),
    ...(usedCoreMs !== undefined && { usedCoreMs }),
    ...(usedMemoryMb !== undefined && { usedMemoryMb: Math.max(usedMemoryMb, before.usedMemoryMb ?? 0) }),
    ...(type === "end" && { endedMs: atMs }),
    heardMs: atMs,
  };
  const runs = [...record.runs.filter((one) => one !== known), run];
  const { realMs: _before, ...rest } = record;
  return { ...rest, runs, ...realTimeOf(runs) };
}

/** A run of a sequence may start when all others have ended: the time counts on then. */
function realTimeOf(runs: readonly RunRecord[]): Pick<StageRecord, "realMs"> {
  const ends = runs.flatMap(({ endedMs }) => (endedMs === undefined ? [] : [endedMs]));
  if (ends.length < runs.length) return {};
  return { realMs: Math.max(...ends) - Math.min(...runs.map(({ startedMs }) => startedMs)) };
}
