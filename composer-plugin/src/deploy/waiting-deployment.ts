/**
 * Deploys the waiting action with a job that has parallel stages, where the namespace may have one, and finds out whether it works.
 *
 * waiting-deployment.D1  It is written only when it is not there as it would be written, and never over an action that is not ours.
 * waiting-deployment.D2  A job relies on it only if it has answered from its container that runs share that, and that Redis is reached.
 * waiting-deployment.D3  One that has just been made and does not work is removed. Otherwise it stays: conductors may be using it.
 * waiting-deployment.D4  Without it the job is deployed all the same, and is told the reason: its conductors wait in turns.
 */
import { createHash } from "node:crypto";
import { HarvestError } from "@openwhisk-harvest/core";
import { readProbeAnswer, WAITING_ACTION } from "../waiting/wait-messages.js";
import type { WaitingConfig } from "../waiting/waiting-action.js";
import type { ActionUpdate } from "./deployment.js";
import type { OpenWhiskApi } from "./openwhisk-api.js";
import { type WaitingLimits, waitingLimits } from "./waiting-limits.js";
import { wrapWaitingAction } from "./wrap.js";

/** How the conductors of a job wait for their branches, where the server does not join. */
export type Waits =
  | { readonly way: "waiting-action"; readonly action: string; readonly concurrency: number }
  | { readonly way: "turns"; readonly reason: string };

/** On the action: the digest of what was written. */
const ANNOTATION = "harvest-waiting";
const KIND = "nodejs:20";

export interface PlannedWaits {
  readonly waits: Waits;
  /** What is to be written; nothing where there can be no waiting action, or it is there already. */
  readonly update?: ActionUpdate;
  /** Whether it is there already, perhaps otherwise. */
  readonly exists: boolean;
}

type Api = Pick<OpenWhiskApi, "limits" | "annotations" | "update" | "remove" | "ask">;

/** Asks OpenWhisk, and writes nothing. */
export async function planWaits(api: Api, given: { namespace: string; redisUrl?: string; bundle: string }): Promise<PlannedWaits> {
  const limits = waitingLimits(await api.limits());
  if (typeof limits === "string") return inTurns(limits);
  const found = await api.annotations(WAITING_ACTION);
  const digest = found?.find(({ key }) => key === ANNOTATION)?.value;
  if (found && digest === undefined) return inTurns(`the namespace has an action ${WAITING_ACTION} that is not ours`);
  const { update, digest: wanted } = updateOf(limits, given);
  const waits: Waits = { way: "waiting-action", action: `/${given.namespace}/${WAITING_ACTION}`, concurrency: limits.concurrency };
  return { waits, exists: found !== undefined, ...(digest !== wanted && { update }) };
}

/** Writes what is planned; answers with what came of it. */
export async function deployWaits(api: Api, { waits, update, exists }: PlannedWaits): Promise<Waits> {
  if (waits.way === "turns") return waits;
  try {
    if (update) await api.update(update);
  } catch (error) {
    if (!(error instanceof HarvestError) || error.code === "OWH_STORE_UNAVAILABLE") throw error;
    return { way: "turns", reason: error.message };
  }
  const trouble = await troubleOf(api);
  if (trouble === undefined) return waits;
  if (!exists) await api.remove(WAITING_ACTION);
  return { way: "turns", reason: trouble };
}

async function troubleOf(api: Api): Promise<string | undefined> {
  const answer = readProbeAnswer(await api.ask(WAITING_ACTION, { v: 1, probe: true }));
  if (!answer) return `${WAITING_ACTION} does not answer`;
  if (!answer.isShared) return "runs do not share a container: the invokers start theirs without __OW_ALLOW_CONCURRENT=true";
  return answer.trouble === undefined ? undefined : `${WAITING_ACTION} does not reach Redis: ${answer.trouble}`;
}

function inTurns(reason: string): PlannedWaits {
  return { waits: { way: "turns", reason }, exists: false };
}

function updateOf(limits: WaitingLimits, { redisUrl, bundle }: { redisUrl?: string; bundle: string }) {
  const config: WaitingConfig = { timeoutMs: limits.timeout, ...(redisUrl === undefined ? {} : { redisUrl }) };
  const exec = { kind: KIND, code: wrapWaitingAction(config, bundle) };
  const digest = createHash("sha256").update(JSON.stringify({ exec, limits })).digest("hex");
  const annotations = [
    { key: ANNOTATION, value: digest },
    { key: "provide-api-key", value: true }, // it looks at the records of branches
    { key: "harvest", value: "off" },
  ];
  const update: ActionUpdate = { name: WAITING_ACTION, body: { exec, annotations, limits: { ...limits } } };
  return { update, digest };
}
