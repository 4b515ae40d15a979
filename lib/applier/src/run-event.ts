/** What is told of a run while it is under way (events.ts of core). Pure. */
import type { LeaseReport, RunEvent, RunEventType } from "@openwhisk-harvest/core";
import { type Hold, memoryInForceMb } from "./hold.js";

/** About so often the last word on a lease is repeated. How many may get lost before silence means anything, the ledger alone says. */
export const REPEAT_MS = 1_000;

export interface EventFacts {
  readonly type: RunEventType;
  readonly activationId: string;
  readonly atMs: number;
  readonly k: string;
  readonly node: string;
  /** Counts the words about this lease. */
  readonly no: number;
  readonly hold: Hold;
  /** In force; absent where nothing bounds the CPU. */
  readonly cpuCores?: number;
}

export function runEventOf(facts: EventFacts): RunEvent {
  const { type, activationId, atMs, k, hold } = facts;
  return { type, activationId, atMs, k, ...(hold.plan && { lease: leaseOf(facts, hold.plan) }) };
}

function leaseOf({ hold, no, node, cpuCores }: EventFacts, { decision, epoch }: NonNullable<Hold["plan"]>): LeaseReport {
  const { terms, lastSample } = hold;
  return {
    ...{ no, namespace: terms.beneficiary.namespace, decision, epoch },
    limits: { ...(cpuCores !== undefined && { cpuCores }), memoryMb: memoryInForceMb(hold) },
    ...{ node, repeatMs: REPEAT_MS },
    ...(lastSample && { usedCoreMs: lastSample.cpuTimeMs, usedMemoryMb: lastSample.memoryMb }),
  };
}
