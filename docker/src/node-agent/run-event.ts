/** What is told of a run while it is under way (core/events.ts). Pure. */
import type { Hold, HoldTerms } from "@openwhisk-harvest/applier";
import type { LeaseReport, RunEvent, RunEventType } from "@openwhisk-harvest/core";
import type { UserLimits } from "./journal.js";

/** How often the last word on a lease is repeated, so that a ledger notices when this node falls silent (V4). */
export const REPEAT_MS = 1_000;
/** Two words may get lost before silence means anything. */
const SILENCE_MS = 3 * REPEAT_MS;

export interface EventFacts {
  readonly type: RunEventType;
  readonly activationId: string;
  readonly atMs: number;
  readonly k?: string;
  readonly node: string;
  /** Counts the events of this activation. */
  readonly no: number;
  readonly hold: Hold;
  readonly inForce: UserLimits;
}

export function runEventOf(facts: EventFacts): RunEvent {
  const { type, activationId, atMs, k, hold } = facts;
  const lease = k === undefined || !hold.plan ? undefined : leaseOf(facts, hold.plan.decision, hold.plan.epoch);
  return { type, activationId, atMs, ...(k === undefined ? {} : { k }), ...(lease ? { lease } : {}) };
}

function leaseOf({ node, no, hold, inForce }: EventFacts, decision: string, epoch: number): LeaseReport {
  const { terms, lastSample } = hold;
  return {
    no,
    namespace: terms.beneficiary.namespace,
    decision,
    epoch,
    limits: {
      ...(inForce.cpuCores === undefined ? {} : { cpuCores: inForce.cpuCores }),
      memoryMb: accountedMemoryMb(hold, inForce.memoryMb),
    },
    node,
    repeatMs: SILENCE_MS,
    ...(lastSample ? { usedCoreMs: lastSample.cpuTimeMs, usedMemoryMb: lastSample.memoryMb } : {}),
  };
}

/** A donor's memory is accounting alone (H5): its kill limit stays, and what it does not count as its own the ledger may lend. */
function accountedMemoryMb({ plan, terms, memoryGivenBack }: Hold, killLimitMb: number): number {
  const isDonor = plan?.memoryMb !== undefined && plan.memoryMb < terms.user.memoryMb && !memoryGivenBack;
  return isDonor ? (plan.memoryMb as number) : killLimitMb;
}

/** Bounds what a container says of its deadline: at most what the cluster allows, at least nothing. */
export function timeLimitMsOf(deadlineMs: number | undefined, nowMs: number, longestMs: number): HoldTerms["timeLimitMs"] {
  if (deadlineMs === undefined) return longestMs;
  return Math.min(Math.max(deadlineMs - nowMs, 0), longestMs);
}
