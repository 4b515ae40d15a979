/**
 * Which run an activation belongs to, from what the adapter sees of it. A run is what a client's request begins, with all that follows
 * from it; the placer serves runs in their order and holds their conductors to their levels (H7).
 *
 * Rules, cited by the tests:
 * lineage.G1  The order of a run is the time of its request, the last of each transaction id's chain: the same for every replica.
 * lineage.G2  What has the same cause is of the same session: of one run, at one level. A session that is called inside of another one
 *     shows a transaction id of it, and is at its level.
 * lineage.G3  A request that shows a transaction id which was drawn for an activation of the same namespace, and that is waited for, is a
 *     branch or a call of that activation: of its run, one level deeper.
 * lineage.G4  Of what is not known otherwise (its run began before this replica did, or the cluster's edge replaces transaction ids) the
 *     message says it: a chain that is longer than a first activation's is of a run that has begun, and so is a branch. It is
 *     never taken for new, for what has begun may wait for it. Its level is the number of markers on composer's stack, its order that of
 *     the run that its conductor names, if that is known in its namespace, else the time of its own request.
 * lineage.G5  What is remembered is bounded, and forgotten some time after its last use; a component's transaction id at its end.
 */
import { RecentMap } from "@openwhisk-harvest/core";
import type { ActivationHead, TravellingKeys } from "./activation-message.js";
import { readTransid } from "./transid.js";

/** At 1,000 activations a second about a minute; some 10 MB. */
const MAX_REMEMBERED = 50_000;
/** As long as a stage may take (`parallel.stageTimeoutMs`). */
const TTL_MS = 600_000;
/** Deeper than an invoker has levels, whatever its size (conductor-room.L1, for 2^31 slots): a forged one costs no more. */
const MAX_LEVEL = 31;

export interface RunOfActivation {
  readonly order: number;
  /** How many forks and calls are above it. */
  readonly level: number;
  /** Nothing of the run has been seen before. */
  readonly isNew: boolean;
}

interface Member extends Pick<RunOfActivation, "order" | "level"> {
  readonly namespace: string;
}

type Head = Pick<ActivationHead, "activationId" | "transid" | "namespace" | "blocking" | "cause">;

export class Lineage {
  readonly #members: RecentMap<Member>;

  constructor(options = { maxEntries: MAX_REMEMBERED, ttlMs: TTL_MS }) {
    this.#members = new RecentMap(options);
  }

  /** Ids that are known: of activations, of sessions and of transactions. */
  get size(): number {
    return this.#members.size;
  }

  /** The run of an activation that has been read; what follows from it is known from now on. */
  enter(head: Head, keys: TravellingKeys, publishedMs: number, nowMs: number): RunOfActivation {
    const { activationId, transid, namespace, cause } = head;
    const { ids, requestedMs = publishedMs } = readTransid(transid);
    const ofSession = this.#find(cause, namespace, nowMs);
    const known = ofSession ?? this.#callerOf(head, ids, nowMs);
    // A first activation of a session or of a sequence is a child of the request, and nothing is between them (lineage.G4).
    const begun = known ?? (ids.length > 2 || keys.composer?.isBranch ? this.#toldBy(head, keys, requestedMs, nowMs) : undefined);
    const { order, level } = begun ?? { order: requestedMs, level: 0 };
    const member = ofSession ?? { namespace, order, level: Math.min(level, MAX_LEVEL) };
    if (cause !== undefined) {
      this.#members.set(cause, member, nowMs);
      if (!ofSession) this.#members.set(activationId, member, nowMs); // R, when it is a conductor's
    }
    const [own] = ids;
    if (own !== undefined && ids.length > 1) this.#members.set(own, member, nowMs); // the last is the client's choice
    return { order: member.order, level: member.level, isNew: begun === undefined };
  }

  /** A component can call nothing any more; branches of a conductor may be on their way. */
  componentEnded({ transid }: Pick<Head, "transid">): void {
    const [own] = readTransid(transid).ids;
    if (own !== undefined) this.#members.delete(own);
  }

  /** lineage.G2, lineage.G3 */
  #callerOf({ namespace, blocking }: Head, ids: readonly string[], nowMs: number) {
    for (const id of ids.slice(1, -1)) {
      const outer = this.#find(id, namespace, nowMs);
      if (outer) return outer;
    }
    const caller = blocking ? this.#find(ids.at(-1), namespace, nowMs) : undefined;
    return caller && { order: caller.order, level: caller.level + 1 };
  }

  /** lineage.G4 */
  #toldBy({ namespace }: Head, { composer, conductor }: TravellingKeys, requestedMs: number, nowMs: number) {
    const order = this.#find(conductor?.root, namespace, nowMs)?.order ?? requestedMs;
    return { order, level: composer?.level ?? 0 };
  }

  #find(id: string | undefined, namespace: string, nowMs: number): Member | undefined {
    const member = id === undefined ? undefined : this.#members.get(id, nowMs);
    return member?.namespace === namespace ? member : undefined;
  }
}
