/** Trains anew only when there is a reason to: `harvest train --if-drifted`. */
import { HarvestError, type Model, type ModelStore, type Profile, type ProfileStore } from "@openwhisk-harvest/core";
import { type Drift, type DriftVerdict, driftOf } from "./drift.js";
import { type TrainedDag, type TrainFromStores, trainFromStores } from "./train-dag.js";

/** Why a model was trained, or was not. Codes are stable. */
export type RetrainReason = DriftVerdict | "no-model" | "model-damaged";

export interface TrainedIfDrifted {
  readonly reason: RetrainReason;
  /** Absent when there was no model to look at. */
  readonly drift?: Drift;
  /** Absent when there was no reason to train. */
  readonly trained?: TrainedDag;
}

const REASONS_TO_KEEP: readonly RetrainReason[] = ["no-drift", "too-few-runs"];

/** Rejects as trainFromStores does, and with OWH_MODEL_TOO_NEW when the stored model is not ours to replace. */
export async function trainIfDrifted(task: TrainFromStores): Promise<TrainedIfDrifted> {
  const { dag, models, profiles } = task;
  const model = await latestUsable(models, dag.namespace, dag.name);
  if (typeof model === "string") return { reason: model, trained: await trainFromStores(task) };
  const since = profilesSince(profiles.ofDag(dag.namespace, dag.name), model.document.createdAtMs);
  const drift = await driftOf({ model, dagVersion: dag.version, profiles: since });
  if (REASONS_TO_KEEP.includes(drift.verdict)) return { reason: drift.verdict, drift };
  return { reason: drift.verdict, drift, trained: await trainFromStores(task) };
}

async function latestUsable(models: ModelStore, namespace: string, name: string): Promise<Model | "no-model" | "model-damaged"> {
  try {
    return (await models.latest(namespace, name)) ?? "no-model";
  } catch (error) {
    if (error instanceof HarvestError && error.code === "OWH_BAD_MODEL") return "model-damaged";
    throw error;
  }
}

async function* profilesSince(profiles: ReturnType<ProfileStore["ofDag"]>, sinceMs: number): AsyncIterable<Profile> {
  for await (const profile of profiles) if (profile.startMs > sinceMs) yield profile;
}
