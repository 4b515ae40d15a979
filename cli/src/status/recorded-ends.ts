/** What OpenWhisk's records say of the ends of a decision's runs (sidecar, recorded-ends.ts). */
import type { OpenWhiskClient } from "@openwhisk-harvest/profiler";
import { type DecisionRecord, runsWithoutEnd, withRecordedEnds } from "@openwhisk-harvest/sidecar";
import { recordOf } from "./find-run.js";

/** More than a stage mostly has; a wider one is told as far as that. */
const MOST_ASKED = 50;

/**
 * The decision with the ends that only OpenWhisk knows of. `compositionId` is that of its run, where it is known. Rejects with
 * OWH_STORE_UNAVAILABLE when OpenWhisk does not answer.
 */
export async function withEndsFrom(client: OpenWhiskClient, decision: DecisionRecord, compositionId?: string): Promise<DecisionRecord> {
  const runs = runsWithoutEnd(decision).slice(0, MOST_ASKED);
  const isOpen = decision.ledger?.some(({ closed }) => !closed) ?? false;
  if (runs.length === 0 && !isOpen) return decision;
  const isOver = compositionId !== undefined && (await recordOf(client, compositionId))?.end !== undefined;
  const ends = await Promise.all(runs.map(async (id) => [id, (await recordOf(client, id))?.end] as const));
  return withRecordedEnds(decision, { isOver, endedAtMs: new Map(ends.flatMap(([id, end]) => (end === undefined ? [] : [[id, end]]))) });
}
