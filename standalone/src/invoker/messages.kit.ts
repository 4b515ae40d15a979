/** Messages and terms for tests. */
import type { Grid, KeyValue, PublishedAllocation } from "@openwhisk-harvest/core";
import type { ActionLimits, ActivationMessage, ActivationTerms, Parameter } from "../messages.js";

export const LIMITS: ActionLimits = { timeout: 20_000, memory: 256, logs: 10, concurrency: 1 };
export const GRID: Grid = { cpuCores: { min: 0.25, max: 2, step: 0.25 }, memoryMb: { min: 128, max: 8192, step: 128 } };
/** The run key of every test that has one. */
export const RUN_KEY = `${"ab".repeat(16)}:/[0]:0`;
let count = 0;

export interface MessageParts {
  readonly code?: string;
  readonly main?: string;
  readonly binary?: boolean;
  readonly kind?: string;
  readonly name?: string;
  readonly rev?: string;
  readonly namespace?: string;
  readonly content?: unknown;
  readonly cause?: string;
  readonly limits?: Partial<ActionLimits>;
  readonly annotations?: readonly KeyValue[];
  readonly parameters?: readonly Parameter[];
}

export function messageOf(parts: MessageParts = {}): ActivationMessage {
  const { code = "function main(p) { return p }", name = "hello", namespace = "guest" } = parts;
  return {
    activationId: (++count).toString(16).padStart(32, "0"),
    action: {
      namespace,
      name,
      version: "0.0.3",
      publish: false,
      annotations: parts.annotations ?? [{ key: "provide-api-key", value: false }],
      parameters: parts.parameters ?? [],
      limits: { ...LIMITS, ...parts.limits },
      exec: {
        kind: parts.kind ?? "nodejs:20",
        code,
        binary: parts.binary ?? false,
        ...(parts.main === undefined ? {} : { main: parts.main }),
      },
      updated: 0,
      rev: parts.rev ?? `1-${code.length}-${code}`,
    },
    user: { subject: "guest", namespace, authkey: "uuid:key" },
    content: "content" in parts ? parts.content : {},
    transactionId: "tid",
    createdAtMs: Date.now(),
    ...(parts.cause === undefined ? {} : { cause: parts.cause }),
  };
}

/** The user allocation, as decided for a message outside of all compositions. */
export function userTerms(message: ActivationMessage, more: Partial<ActivationTerms> = {}): ActivationTerms {
  const memoryMb = message.action.limits.memory;
  return { mode: "off", user: { cpuCores: 1, cpuSource: "platform-default", memoryMb }, conductor: false, cpuCores: 1, memoryMb, ...more };
}

/** What decision `d` allocates, as activation-terms.ts makes terms of it. */
export function harvestedTerms(allocation: Partial<PublishedAllocation>, more: Partial<ActivationTerms> = {}): Partial<ActivationTerms> {
  const published: PublishedAllocation = { v: 1, decision: "d", namespace: "guest", epoch: 1, ...allocation };
  const { cpuCores, memoryMb = 0 } = allocation;
  return {
    mode: "harvest",
    decision: "d",
    harvest: { k: RUN_KEY, d: "d" },
    allocation: published,
    ...(cpuCores !== undefined && { cpuCores }),
    memoryMb: Math.max(256, memoryMb),
    ...more,
  };
}
