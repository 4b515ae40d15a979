/**
 * Profiles from ordinary runs: what production shows of a DAG's functions joins what profiling runs showed. The size of
 * a run's input stands in its decision, since no record of OpenWhisk keeps it. What a run can say of demand is told by
 * its mark (run-mark.ts) when models are trained; here everything is kept.
 */
import type { DagDescription, DecisionStore, Grid, ProfileStore } from "@openwhisk-harvest/core";
import { listActivations, type OpenWhiskClient } from "./activation-reader.js";
import { type ActivationView, observedRoots, rootOf } from "./activation-view.js";
import { profilesOfRun } from "./run-records.js";

export interface CollectRuns {
  readonly client: OpenWhiskClient;
  readonly dag: DagDescription;
  readonly decisions: Pick<DecisionStore, "find">;
  readonly profiles: Pick<ProfileStore, "put">;
  /** The grid in force, stored with every measurement. */
  readonly grid: Grid;
  /**
   * Wall clock of the OpenWhisk side. All records since then are listed; to collect again from an earlier time does no
   * harm. A run is listed by its start and only once it has ended, so go back as far as the longest run lasts.
   */
  readonly sinceMs: number;
}

export interface CollectedRuns {
  /** Composition runs whose profiles are stored. */
  readonly runs: number;
  readonly profiles: number;
  /** Runs without a decision, such as those in mode off: the size of their input is not known. */
  readonly undecided: number;
  /** Function runs without a profile, because a record lacks something or is not there yet. */
  readonly leftOut: number;
}

/**
 * Rejects with the client's or the stores' error; what was stored until then stays, and is not stored twice the next
 * time.
 */
export async function collectRuns({ client, dag, decisions, profiles, grid, sinceMs }: CollectRuns): Promise<CollectedRuns> {
  const activations = await listActivations(client, sinceMs);
  const collected = { runs: 0, profiles: 0, undecided: 0, leftOut: 0 };
  for (const root of rootsOf(dag, activations)) {
    const decision = await decisions.find(root);
    if (decision?.dag !== dag.name || decision.namespace !== dag.namespace || decision.dagVersion !== dag.version) {
      collected.undecided++;
      continue;
    }
    const made = profilesOfRun({ dag, root, dagInputBytes: decision.inputBytes, grid, activations });
    for (const profile of made.profiles) await profiles.put(profile);
    collected.runs++;
    collected.profiles += made.profiles.length;
    collected.leftOut += made.leftOut.length;
  }
  return collected;
}

/**
 * R of every run of the DAG among the records. The sessions of its branches bear its name, too, but begin with no root
 * that was observed.
 */
function rootsOf(dag: DagDescription, activations: readonly ActivationView[]): string[] {
  const observed = observedRoots(activations);
  const ofDag = activations.filter(({ name, namespace }) => name === dag.name && (namespace ?? dag.namespace) === dag.namespace);
  return ofDag.flatMap((record) => {
    const root = rootOf(record);
    return root !== undefined && observed.has(root) ? [root] : [];
  });
}
