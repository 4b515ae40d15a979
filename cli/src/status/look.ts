/** Gathers what OpenWhisk, the sidecar and Redis know of a composition run. Without Redis, or a decision, the others still say what they know. */
import { type AllocationStore, HarvestError, type Observation, OLDEST_EVENT, type RunEvent, systemClock } from "@openwhisk-harvest/core";
import { componentsOfRun, listActivations } from "@openwhisk-harvest/profiler";
import type { DecisionRecord } from "@openwhisk-harvest/sidecar";
import type { Connection } from "../connection/connection.js";
import { findRun } from "./find-run.js";
import type { RunKnowledge } from "./run-status.js";

/** Records are stamped by another clock than events, and a conductor's first step starts before anything is told of its run. */
const BEFORE_START_MS = 5_000;
/** As many as the stream keeps. */
const MOST_EVENTS = 10_000;
const MOST_OBSERVATIONS = 1_000;

/** `id` as for findRun; a run that has not ended is looked for `withinMs` back. OWH_NOT_FOUND when there is no such run. */
export async function lookAtRun(connection: Connection, id: string, withinMs: number): Promise<RunKnowledge> {
  const client = await connection.client();
  const nowMs = systemClock.nowMs();
  const { root, compositionId, startedMs = nowMs - withinMs } = await findRun(client, id, nowMs - withinMs);
  const decision = await orAbsent(connection.ask<DecisionRecord>(`/v1/decisions/${root}`), "OWH_NOT_FOUND");
  const dag = decision && (await orAbsent(connection.dag(decision.dag), "OWH_NOT_FOUND"));
  const records = await listActivations(client, startedMs - BEFORE_START_MS);
  const recorded = new Set(componentsOfRun(root, records).map(({ record }) => record.activationId));
  const told =
    "missing" in connection.addresses.redis
      ? undefined
      : await orAbsent(
          connection.withAllocations((allocations) => tell(allocations, root, recorded)),
          "OWH_STORE_UNAVAILABLE",
        );
  const { events = [], observations = [] } = told ?? {};
  return { root, compositionId, dag, records, events, observations, nowMs: systemClock.nowMs() };
}

/** What Redis knows of the run's functions, except of those whose records are there. */
async function tell(allocations: AllocationStore, root: string, recorded: ReadonlySet<string>) {
  const { events } = await allocations.readEvents({ after: OLDEST_EVENT, blockMs: 1, limit: MOST_EVENTS });
  const ours = events.filter(({ k }) => k?.startsWith(`${root}:`));
  const open = [...new Set(ours.map(({ activationId }) => activationId))].filter((id) => !recorded.has(id)).slice(0, MOST_OBSERVATIONS);
  const observations: Observation[] = [];
  for (const id of open) {
    const observation = await allocations.observation(id);
    if (observation) observations.push(observation);
  }
  return { events: ours as readonly RunEvent[], observations };
}

/** Undefined for the error that says that a source has nothing, or is away. */
async function orAbsent<T>(asked: Promise<T>, code: HarvestError["code"]): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof HarvestError && error.code === code) return undefined;
    throw error;
  }
}
