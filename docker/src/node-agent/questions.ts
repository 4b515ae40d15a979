/**
 * What agents in containers may say, and nothing else: ids, names and keys, never a number that becomes a limit. What speaks may
 * be user code, so everything is bounded and checked, and unknown fields are ignored.
 *
 *   POST /v1/container  {namespace, action}                              before user code is loaded
 *   POST /v1/run        {activationId, k?, d?, cold, deadlineMs, running} before user code is called
 *   POST /v1/end        {activationId, outcome}                          before its answer is given
 */
import { HarvestError, type HarvestParam, isActivationId, MAX_KEY_LENGTH, type Observation } from "@openwhisk-harvest/core";

/** A key of 1 KiB, names, and room for JSON's escapes. */
export const MAX_QUESTION_BYTES = 8 * 1024;
const MAX_NAME_LENGTH = 256;

export interface ContainerClaim {
  readonly namespace: string;
  /** `[package/]action` */
  readonly action?: string;
}

export interface RunStart {
  readonly activationId: string;
  /** As it stood in the parameters; not believed. */
  readonly harvest?: HarvestParam;
  readonly cold: boolean;
  /** Epoch ms, the container's own word. */
  readonly deadlineMs?: number;
  /** How many runs its agent knows of in this container, this one included. */
  readonly running: number;
}

export interface RunEnd {
  readonly activationId: string;
  readonly outcome: Observation["outcome"];
}

const OUTCOMES: readonly unknown[] = ["success", "application error", "action developer error"] satisfies Observation["outcome"][];

export function containerClaimOf(body: unknown): ContainerClaim {
  const { namespace, action } = fieldsOf(body);
  if (!isName(namespace)) throw bad("namespace");
  return isName(action) ? { namespace, action } : { namespace };
}

export function runStartOf(body: unknown): RunStart {
  const { activationId, k, d, cold, deadlineMs, running } = fieldsOf(body);
  if (!isActivationId(activationId)) throw bad("activationId");
  const isKey = typeof k === "string" && k.length <= MAX_KEY_LENGTH;
  return {
    activationId,
    ...(isKey ? { harvest: { k, ...(isName(d) ? { d } : {}) } } : {}),
    cold: cold === true,
    ...(typeof deadlineMs === "number" && Number.isFinite(deadlineMs) ? { deadlineMs } : {}),
    running: typeof running === "number" && Number.isSafeInteger(running) && running > 0 ? running : 1,
  };
}

export function runEndOf(body: unknown): RunEnd {
  const { activationId, outcome } = fieldsOf(body);
  if (!isActivationId(activationId)) throw bad("activationId");
  if (!OUTCOMES.includes(outcome)) throw bad("outcome");
  return { activationId, outcome: outcome as RunEnd["outcome"] };
}

function fieldsOf(body: unknown): Record<string, unknown> {
  if (typeof body !== "object" || body === null || Array.isArray(body)) throw bad("body");
  return body as Record<string, unknown>;
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= MAX_NAME_LENGTH;
}

/** The value is not repeated: it is whatever the container sent. */
function bad(field: string): HarvestError {
  return new HarvestError("OWH_BAD_REQUEST", `The field ${field} is missing or malformed.`);
}
