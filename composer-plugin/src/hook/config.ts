import { setTimeout } from "node:timers/promises";

/** What the deployer fixes for one conductor; it stands as JSON in the conductor's code. */
export interface HookConfig {
  /** Namespace and name of the DAG. */
  readonly namespace: string;
  readonly dag: string;
  /** Base URL of the sidecar; HARVEST_SIDECAR_URL in the container's environment comes before it. Without one nothing is harvested. */
  readonly sidecarUrl?: string;
  /** Redis for forks and joins; HARVEST_COMPOSER_REDIS_URL in the container's environment comes before it. */
  readonly redisUrl?: string;
  /** The waiting action, `/namespace/name`, where the deployment found it to work (join-way.ts). */
  readonly waitingAction?: string;
  /** How long a fork may wait for the decision: in a warm container, and in a container's first run. */
  readonly deadlineMs: number;
  readonly coldDeadlineMs: number;
  /** After so many failures in a row the sidecar is not asked for so long, and twice as long after each failed new attempt. */
  readonly breakerFailures?: number;
  readonly breakerOpenMs?: number;
  /** How long a parallel stage may take from its fork on before its composition ends with an error. */
  readonly stageTimeoutMs: number;
  /** AST paths of the functions whose runs carry a key. */
  readonly positions: readonly string[];
  /** AST paths of the forks that may have been harvested; for the others no decision is asked for or waited for. */
  readonly forks: readonly string[];
  /** Those of them that are a `map`: they are decided when they fork, with the sizes of their items. */
  readonly maps?: readonly string[];
}

/** The environment variable with the address of Redis, so that it need not stand in the code of an action. */
export const REDIS_URL_VARIABLE = "HARVEST_COMPOSER_REDIS_URL";

/** Undefined where neither environment nor deployer names one. */
export function redisUrlOf({ redisUrl }: Pick<HookConfig, "redisUrl">, { env }: Pick<HookHost, "env">): string | undefined {
  return env[REDIS_URL_VARIABLE] || redisUrl || undefined;
}

/** The environment variable with the sidecar's address, which may change when it is restarted while conductors stay deployed. */
export const SIDECAR_URL_VARIABLE = "HARVEST_SIDECAR_URL";

/** OpenWhisk's own environment of a run, and the world around the hook; tests bring their own. */
export interface HookHost {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Wall clock, ms since the epoch; activation deadlines are given in it. */
  nowMs(): number;
  /** Rejects when it is called off by the signal. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const processHost: HookHost = {
  get env() {
    return process.env;
  },
  nowMs: () => Date.now(),
  sleep: (ms, signal) => setTimeout(ms, undefined, signal ? { signal } : {}),
};
