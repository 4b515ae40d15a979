/**
 * Deploys a job: its functions, the waiting action where there can be one, the description of its DAG, and last of all its conductor.
 *
 * Everything is read, compiled and checked before the first write. The order of the writes makes a deployment that breaks
 * off harmless: until the conductor is replaced, in one update and never by delete and create, the old composition runs on.
 */
import { type DagDescription, HarvestError, messageOf } from "@openwhisk-harvest/core";
import { WAITING_ACTION } from "../waiting/wait-messages.js";
import { deploymentOf, type HookSettings, prepareJob } from "./deployment.js";
import { readJob } from "./job.js";
import { type OpenWhiskOptions, openWhiskApi } from "./openwhisk-api.js";
import { deployWaits, type PlannedWaits, planWaits, type Waits } from "./waiting-deployment.js";
import { readHookBundle, readWaitingBundle } from "./wrap.js";

export interface DeployOptions {
  readonly jobFile: string;
  readonly openwhisk: OpenWhiskOptions;
  /** Base URL of the sidecar as it is seen from here and from the conductors' containers. */
  readonly sidecarUrl: string;
  /** Written into the conductor's code; leave it out where the containers' environment names it (HARVEST_COMPOSER_REDIS_URL). */
  readonly redisUrl?: string;
  readonly deadlineMs: number;
  readonly coldDeadlineMs: number;
  /** Of the hook's breaker; its own defaults when absent. */
  readonly breakerFailures?: number;
  readonly breakerOpenMs?: number;
  readonly stageTimeoutMs: number;
  /** Works everything out and asks OpenWhisk what is there, but writes nothing. */
  readonly dryRun?: boolean;
  /** Told after each write. */
  readonly onProgress?: (step: { readonly done: number; readonly total: number; readonly what: string }) => void;
}

export interface Deployed {
  readonly dag: DagDescription;
  /** Names of the actions, in the order they were written, or would be; the conductor is the last. */
  readonly actions: readonly string[];
  /** How its conductors wait for their branches on a server that does not join; absent without parallel stages. */
  readonly waits?: Waits;
}

/** How long the sidecar may take to store a description. */
const SIDECAR_TIMEOUT_MS = 10_000;

/** Throws OWH_BAD_JOB and OWH_BAD_COMPOSITION before, and the errors of OpenWhisk and the sidecar while writing. */
export async function deployJob(options: DeployOptions): Promise<Deployed> {
  const prepared = prepareJob(readJob(options.jobFile));
  const bundle = await readHookBundle();
  const api = openWhiskApi(options.openwhisk);
  const namespace = await api.namespace();
  const foreign = await api.look(prepared.foreign, namespace);
  const deployment = (waits?: Waits) => deploymentOf(prepared, { namespace, foreign, settings: settingsOf(options, waits), bundle });
  const { dag, functions, conductor } = deployment();
  const planned =
    dag.stages.length > 0 ? await planWaits(api, { namespace, ...redisOf(options), bundle: await readWaitingBundle() }) : undefined;

  const actions = [...functions, conductor].map((one) => one.name);
  if (options.dryRun) return { dag, actions, ...(planned && { waits: planned.waits }) };
  let waits = planned?.waits;
  const settleWaits = async (plan: PlannedWaits) => {
    waits = await deployWaits(api, plan);
  };
  const writes = [
    ...functions.map((one) => ({ what: one.name, write: () => api.update(one) })),
    ...(planned?.waits.way === "waiting-action" ? [{ what: WAITING_ACTION, write: () => settleWaits(planned) }] : []),
    { what: "DAG description", write: () => putDag(options, dag) },
    { what: conductor.name, write: () => api.update(deployment(waits).conductor) },
  ];
  for (const [done, { what, write }] of writes.entries()) {
    await write();
    options.onProgress?.({ done: done + 1, total: writes.length, what });
  }
  return { dag, actions, ...(waits && { waits }) };
}

function redisOf({ redisUrl }: DeployOptions): { readonly redisUrl?: string } {
  return redisUrl === undefined ? {} : { redisUrl };
}

function settingsOf(options: DeployOptions, waits: Waits | undefined): HookSettings {
  const { sidecarUrl, deadlineMs, coldDeadlineMs, breakerFailures, breakerOpenMs, stageTimeoutMs } = options;
  return {
    sidecarUrl,
    ...redisOf(options),
    ...(waits?.way === "waiting-action" && { waitingAction: waits.action }),
    deadlineMs,
    coldDeadlineMs,
    ...(breakerFailures === undefined ? {} : { breakerFailures }),
    ...(breakerOpenMs === undefined ? {} : { breakerOpenMs }),
    stageTimeoutMs,
  };
}

async function putDag({ sidecarUrl, openwhisk }: DeployOptions, dag: DagDescription): Promise<void> {
  const path = `/v1/dags/${encodeURIComponent(dag.namespace)}/${encodeURIComponent(dag.name)}`;
  let response: Response;
  try {
    response = await fetch(sidecarUrl.replace(/\/+$/, "") + path, {
      method: "PUT",
      headers: { "content-type": "application/json", authorization: `Basic ${Buffer.from(openwhisk.api_key).toString("base64")}` },
      body: JSON.stringify(dag),
      signal: AbortSignal.timeout(SIDECAR_TIMEOUT_MS),
    });
  } catch (error) {
    throw new HarvestError("OWH_STORE_UNAVAILABLE", `The sidecar at ${sidecarUrl} does not answer: ${messageOf(error)}`, { cause: error });
  }
  const answer = await response.text();
  if (!response.ok) throw refused(response.status, answer);
}

function refused(status: number, answer: string): HarvestError {
  const code =
    status === 401 ? "OWH_UNAUTHORIZED" : status === 403 ? "OWH_FORBIDDEN" : status < 500 ? "OWH_BAD_REQUEST" : "OWH_STORE_UNAVAILABLE";
  return new HarvestError(code, `The sidecar refused the DAG description with status ${status}: ${answer.slice(0, 300)}`);
}
