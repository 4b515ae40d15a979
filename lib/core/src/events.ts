/**
 * What appliers tell while runs are under way: the stream `harvest:events` (architecture, 6).
 *
 *   start --(applied | throttled | near-memory)*--> end
 *
 * `lease` is there when the run was started with an allocation that was published for it; without it the event is for
 * the parts that watch runs, and no ledger looks at it. None may rely on an event to arrive once, in order, or at all:
 *
 * events.V0  `start` is sent when the first limits of the run are in force.
 * events.V1  `lease.no` counts the events of one activation up, so that a late or doubled one is known for what it is.
 * events.V2  Every event tells all limits in force, not a change of them: the newest one alone says how things stand.
 * events.V3  `applied` is the applier's word that `lease.limits` are in force in the kernel now. They may differ from
 *     what epoch `lease.epoch` planned: less where the node had no more (H6), more where the applier gave back by
 *     itself (H5).
 * events.V4  An applier that repeats its last word about every `repeatMs` says so; then, and only then, its silence
 *     means that it died. How many words may be late or lost before, the ledger says, and nothing else.
 */
import { z } from "zod";
import { parseJson } from "./json.js";
import { isActivationId, MAX_KEY_LENGTH } from "./run-key.js";

export const RUN_EVENT_TYPES = ["start", "applied", "throttled", "near-memory", "end"] as const;
export type RunEventType = (typeof RUN_EVENT_TYPES)[number];

const NAME_MAX_LENGTH = 256;
const amount = z.number().positive().finite();
const name = z.string().min(1).max(NAME_MAX_LENGTH);

export const leaseReportSchema = z.object({
  /** Counts the events of this activation, from 0 (events.V1). */
  no: z.int().nonnegative(),
  /** Of the activation; the ledger holds it against the decision's. */
  namespace: name,
  /** The decision that was stamped at the fork. */
  decision: name,
  /** Of the newest allocation or plan that this applier has taken up for the run. */
  epoch: z.int().nonnegative(),
  /**
   * In force now (events.V2). `cpuCores` is absent where nothing bounds the CPU. `memoryMb` is the share that counts
   * (`memory.high`, or the account alone), not the kill limit, which is never below U.
   */
  limits: z.object({ cpuCores: amount.optional(), memoryMb: amount }),
  /** The node that applies them: one name per capacity (H6). */
  node: name,
  /** See events.V4. */
  repeatMs: z.number().positive().optional(),
  /** CPU time of the run so far, in core-ms. */
  usedCoreMs: z.number().nonnegative().optional(),
  /** Its working set now, in MB. */
  usedMemoryMb: z.number().nonnegative().optional(),
});
export type LeaseReport = z.infer<typeof leaseReportSchema>;

export const runEventSchema = z
  .object({
    type: z.enum(RUN_EVENT_TYPES),
    activationId: z.string().refine(isActivationId, "not an activation id"),
    /** Wall clock of the applier, ms since the epoch: for people. Ledgers go by the time at which they hear of it. */
    atMs: z.number(),
    /** The run key; absent when the function does not run inside a composition of ours. */
    k: z.string().max(MAX_KEY_LENGTH).optional(),
    lease: leaseReportSchema.optional(),
  })
  .refine(({ type, k, lease }) => (lease === undefined ? type === "start" || type === "end" : k !== undefined), "no run key, or no lease");
export type RunEvent = z.infer<typeof runEventSchema>;

/** An event that a ledger can act upon. */
export type LeaseEvent = RunEvent & { readonly k: string; readonly lease: LeaseReport };

export function isLeaseEvent(event: RunEvent): event is LeaseEvent {
  return event.lease !== undefined && event.k !== undefined;
}

/** A key of 1 KiB, four names of 256 characters and a dozen numbers fit; whatever is longer was not written by us. */
export const MAX_EVENT_LENGTH = 4096;
const EVENT_FORMAT = 1;

/** The text of one event, as it stands in the field `event` of the stream's entry. */
export function encodeEvent(event: RunEvent): string {
  return JSON.stringify({ v: EVENT_FORMAT, ...event });
}

/**
 * Undefined for anything but an event of ours: too long, no JSON, of another format, or with a value out of its range.
 */
export function decodeEvent(text: unknown): RunEvent | undefined {
  if (typeof text !== "string" || text.length > MAX_EVENT_LENGTH) return undefined;
  const value = parseJson(text);
  if ((value as { v?: unknown } | null)?.v !== EVENT_FORMAT) return undefined;
  const parsed = runEventSchema.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}
