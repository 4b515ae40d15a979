/** From whatever id a user has at hand to the run it belongs to. */
import { HarvestError, isActivationId } from "@openwhisk-harvest/core";
import { type ActivationView, activationView, listActivations, type OpenWhiskClient } from "@openwhisk-harvest/profiler";

export interface FoundRun {
  /** R. */
  readonly root: string;
  /** C, where it is known. */
  readonly compositionId?: string;
  readonly startedMs?: number;
}

/**
 * `id` is the composition's activation id C, R, or a decision's id, which begins with R. A composition's own record is written when it
 * ends; while it runs it is known by its first step, which names it as its cause. OWH_NOT_FOUND when there is no such run.
 */
export async function findRun(client: OpenWhiskClient, id: string, sinceMs: number): Promise<FoundRun> {
  const activationId = id.slice(0, 32);
  if (!isActivationId(activationId) || !/^(-\d+)?$/.test(id.slice(32)))
    throw new HarvestError("OWH_NOT_FOUND", `${JSON.stringify(id)} is neither an activation's id nor a decision's.`);
  const record = await recordOf(client, activationId);
  if (record && isComposition(record) && isActivationId(record.logs[0]))
    return { root: record.logs[0], compositionId: activationId, startedMs: record.start };
  if (record)
    return { root: activationId, startedMs: record.start, ...(record.cause === undefined ? {} : { compositionId: record.cause }) };
  const [first] = (await listActivations(client, sinceMs)).filter(({ cause }) => cause === activationId).sort((a, b) => a.start - b.start);
  if (first) return { root: first.activationId, compositionId: activationId, startedMs: first.start };
  if (id.length > 32) return { root: activationId };
  throw new HarvestError("OWH_NOT_FOUND", `No run is known by ${id} yet, or its records are gone.`);
}

function isComposition({ annotations }: ActivationView): boolean {
  return annotations.some(({ key, value }) => key === "conductor" && value === true);
}

/** Undefined before its end, and where there is none. OWH_STORE_UNAVAILABLE when OpenWhisk does not answer. */
export async function recordOf(client: OpenWhiskClient, id: string): Promise<ActivationView | undefined> {
  try {
    return activationView(await client.activations.get({ name: id }));
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return undefined;
    throw new HarvestError("OWH_STORE_UNAVAILABLE", "OpenWhisk did not answer.", { cause: error });
  }
}
