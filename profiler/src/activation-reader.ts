/**
 * Reads the records of one composition run over OpenWhisk's REST API. Records are written after the answers and in any order,
 * and there is no index by `cause`, so the namespace's activations since the start of the run are listed until all are there.
 */
import { type Clock, HarvestError, isActivationId, messageOf } from "@openwhisk-harvest/core";
import type { Client } from "openwhisk";
import { type ActivationView, activationView, byActivationId, componentsOfRun, rootOf } from "./activation-view.js";

/** The part of the npm package `openwhisk` that is used. */
export type OpenWhiskClient = Pick<Client, "actions" | "activations">;

/** OpenWhisk's longest page. */
const PAGE_LENGTH = 200;

/** Pauses between two looks: records mostly arrive within some tens of ms, on a busy store within seconds. */
const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 500;

export interface ReadRun {
  readonly client: OpenWhiskClient;
  /** The composition run's own id, C. */
  readonly compositionId: string;
  /** Wall clock of the OpenWhisk side, at or before the start of the run. */
  readonly sinceMs: number;
  /** How many observed runs of functions there must be. */
  readonly expectedComponents: number;
  /** How long to wait for them. */
  readonly deadlineMs: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

/**
 * The records of the namespace since `sinceMs`, as soon as the run's are complete: its own, those of its components with their
 * observations, their sessions and the conductor steps before them. Rejects with OWH_DEADLINE and what was still missing, or
 * with the client's error when the API refuses (4xx); failures that may pass are tried again.
 */
export async function readRunActivations(read: ReadRun): Promise<ActivationView[]> {
  const { client, clock, sinceMs, deadlineMs, signal } = read;
  const endMs = clock.monotonicMs() + deadlineMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    signal?.throwIfAborted();
    let missing: string;
    let cause: unknown;
    try {
      const activations = await listActivations(client, sinceMs);
      const lack = missingOf(read, activations);
      if (lack === undefined) return activations;
      missing = lack;
    } catch (error) {
      if (!isPassing(error)) throw error;
      missing = `the list of activations (${messageOf(error)})`;
      cause = error;
    }
    if (clock.monotonicMs() + pauseMs > endMs)
      throw new HarvestError("OWH_DEADLINE", `After ${deadlineMs} ms the records of ${read.compositionId} still lack ${missing}.`, {
        cause,
      });
    await clock.sleep(pauseMs, signal);
  }
}

/** All activations of the client's namespace since then. New ones move old ones to later pages, so there are duplicates, never gaps. */
export async function listActivations(client: OpenWhiskClient, sinceMs: number): Promise<ActivationView[]> {
  const found: ActivationView[] = [];
  for (let skip = 0; ; skip += PAGE_LENGTH) {
    const page: readonly unknown[] = await client.activations.list({ since: Math.floor(sinceMs), docs: true, limit: PAGE_LENGTH, skip });
    found.push(...page.flatMap((document) => activationView(document) ?? []));
    if (page.length < PAGE_LENGTH) return [...byActivationId(found).values()];
  }
}

/** What the run's records still lack; undefined when they are complete. */
function missingOf({ compositionId, expectedComponents }: ReadRun, activations: readonly ActivationView[]): string | undefined {
  const records = byActivationId(activations);
  const composition = records.get(compositionId);
  if (!composition) return "the composition's own record";
  const root = rootOf(composition);
  if (!isActivationId(root)) return "the composition's first step";
  const components = componentsOfRun(root, activations);
  if (components.length < expectedComponents) return `${expectedComponents - components.length} of ${expectedComponents} components`;
  const needed = components.flatMap(({ record }) => {
    const session = records.get(record.cause ?? "");
    if (!session) return [record.cause ?? ""];
    return session.logs[session.logs.indexOf(record.activationId) - 1] ?? [];
  });
  const absent = [...composition.logs, ...needed].find((id) => id !== "" && !records.has(id));
  return absent === undefined ? undefined : `the record of ${absent}`;
}

/** Connection failures and 5xx may pass; a refusal stays one. */
export function isPassing(error: unknown): boolean {
  const { statusCode, name } = error as { statusCode?: unknown; name?: unknown };
  if (name !== "OpenWhiskError") return false;
  return typeof statusCode !== "number" || statusCode >= 500 || statusCode === 429;
}
