/** What is asked of the sidecar, and what it keeps and shows of a decision. */
import { createHash } from "node:crypto";
import { type Decision, isActivationId, isAstPath, isTrail } from "@openwhisk-harvest/core";
import { z } from "zod";
import type { StageRecord } from "./ledger/stage-record.js";

const NAME_MAX_LENGTH = 256;
/** Of a `map` that is decided; a wider one keeps U. A request for 1,000 items of 12 digits fits its 16 KiB. */
const MOST_ITEMS = 1_000;

export const decisionRequestSchema = z.strictObject({
  v: z.literal(1),
  namespace: z.string().min(1).max(NAME_MAX_LENGTH),
  /** Name of the DAG within its namespace. */
  dag: z.string().min(1).max(NAME_MAX_LENGTH),
  /** R, see core's run-key.ts. */
  root: z.string().refine(isActivationId, "not an activation id"),
  inputBytes: z.number().nonnegative(),
  /** A `map` that forks now: which time the run comes to it, and the sizes of its items, in their order. */
  fork: z
    .strictObject({
      forkPath: z.string().refine(isAstPath, "not an AST path of composer"),
      trail: z.string().refine(isTrail, "not a trail"),
      forkNo: z.int().nonnegative().max(999_999_999),
      itemBytes: z.array(z.number().nonnegative()).min(1).max(MOST_ITEMS),
    })
    .optional(),
});
export type DecisionRequest = z.infer<typeof decisionRequestSchema>;

/** Why a decision is not in force. Codes are stable. */
export type Unpublished =
  /** Only the mode `harvest` publishes. */
  | "mode"
  | "nothing-accepted"
  /** Redis did not answer, or had not answered so often that it was not asked. */
  | "redis-unavailable"
  /** Its namespace had asked for too many in that second: nothing was looked at. */
  | "over-budget";

export interface DecisionRecord extends Decision {
  /** Present unless published. */
  readonly unpublished?: Unpublished;
  /** What came of its stages, one entry for each time that a run came to one and it has closed; the newest last. */
  readonly ledger?: readonly StageRecord[];
}

/** Rounds of a loop, and forks inside branches: what is beyond is not kept. */
const MOST_STAGE_RECORDS = 50;

export function withStageRecord(decision: DecisionRecord, record: StageRecord): DecisionRecord {
  const known = decision.ledger ?? [];
  return known.length >= MOST_STAGE_RECORDS ? decision : { ...decision, ledger: [...known, record] };
}

/** R is decided once, and its decision is the first. The stores find a decision by this id because it begins with R. */
export function decisionIdOf(root: string): string {
  return `${root}-1`;
}

/**
 * A fork's decision is known by what it is for, so that it has the same id in every sidecar, and however often the
 * sidecar was started anew: 9 digits of the fork's digest, 2 to 999,999,999.
 */
export function forkDecisionIdOf(root: string, { trail, forkPath, forkNo }: NonNullable<DecisionRequest["fork"]>): string {
  const digest = createHash("sha256").update(`${trail}/${forkPath}.${forkNo}`).digest();
  return `${root}-${(digest.readUInt32BE() % 999_999_998) + 2}`;
}

/** Of the decision that a request asks for. */
export function requestedId({ root, fork }: DecisionRequest): string {
  return fork ? forkDecisionIdOf(root, fork) : decisionIdOf(root);
}

const DECISION_ID = /^([0-9a-f]{32})(?:-\d{1,9})?$/;

/** R, of a decision's id or of R itself; undefined for anything else. */
export function rootOf(idOrRoot: string): string | undefined {
  return DECISION_ID.exec(idOrRoot)?.[1];
}

/** What the hook needs at a fork: 200 bytes instead of kilobytes. */
export function compact({ id, root, mode, published, unpublished, stages }: DecisionRecord) {
  return {
    id,
    root,
    mode,
    published,
    ...(unpublished && { unpublished }),
    stages: stages.map(({ forkPath, cpu, memory }) => ({ forkPath, cpu, memory })),
  };
}
