/**
 * Fork and join over Redis, for composer's conductor (conductor.js `fork`, `collect`, `step`), so that a stage ends right
 * however often the connection, or Redis itself, is lost and comes back with its data.
 *
 * Composer keeps a stage in a list that branches push their results to, renames it when it is full, and pops a marker
 * from it: none of these may be repeated when an answer is lost. Here a stage is two hashes, and the list only notifies:
 *
 *   composer/fork/<id>     hash: `marker`, set at the fork; `count`, the stage's width; a field per ended branch, its position; and
 *                          a field `begun:<position>` per branch that has begun
 *   composer/result/<id>   hash: the result of each ended branch, by position
 *   composer/join/<id>     list: a notification for the parent, by a branch that finds the stage full; what is in it says nothing
 *   composer/crowded       hash: there, for some seconds, after a stage had to wait for room for its branches (turns.ts)
 *
 *             lpush                    lpushx (x count)                  lrange, del
 *   (absent) -------> open, k = 0 -----------------> full, k = count -----------------> (absent)
 *
 * barrier.J1  Every write is an assignment (HSET, EXPIRE, DEL at the very end) or a notification: done twice, or late over a
 *             connection already given up, it changes nothing.
 * barrier.J2  The stage is full when as many positions as branches have a result; a branch that pushes twice counts once.
 * barrier.J3  The parent goes by the hashes alone. It looks there before each wait and after each slice of waiting, so that a
 *             notification that was lost, or never written because the last branch died between its two writes, costs one slice.
 * barrier.J4  No marker, no stage: either the parent has collected it, and a late branch leaves nothing behind, or Redis lost its
 *             data, and the parent says so instead of waiting.
 * barrier.J5  No wait goes on beyond the deadline of the activation or of the stage.
 * barrier.J6  Everything written has a time to live.
 * barrier.J7  A branch that ends without a result ends its stage, by name, at the parent's next look at the records of its branches.
 * barrier.J8  A stage in a branch ends when the stage of that branch has ended, which no result of it can reach any more.
 */
import type { ChainableCommander, Redis } from "ioredis";
import type { HookHost } from "./config.js";
import { BlockingNotifications, type Notifications } from "./notifications.js";
import { type RedisLink, RedisRefuses, RedisUnreachable, Verdict } from "./redis-link.js";

/** composer's `expiration`: a day. */
export const STAGE_TTL_S = 86_400;
/** Longest single wait for the notification: what a lost one costs (barrier.J3). */
const SLICE_MS = 2_000;
/** A parent looks within a slice; a notification written after its stage was collected, which no call removes, soon goes by itself. */
const NOTIFICATION_TTL_S = 60;
/** How long the stages of a namespace are careful with room after one of them has lacked it. */
const CROWDED_TTL_S = 10;
const CROWDED_KEY = "composer/crowded";
/** How long is spent on what only saves time or space. */
const BEST_EFFORT_MS = 500;

export const barrierIdOf = (key: string): string => key.slice(key.lastIndexOf("/") + 1);
const forkKey = (id: string) => `composer/fork/${id}`;
const resultKey = (id: string) => `composer/result/${id}`;
const joinKey = (id: string) => `composer/join/${id}`;

/** The fields of `composer/fork/<id>`; the others are positions, and `begun:<position>`. */
interface StageFields {
  readonly marker?: string;
  readonly count?: string;
}

/** How a stage stands. */
export interface StageView {
  /** Positions that have a result. */
  readonly ended: ReadonlySet<number>;
  /** How many branches have begun, ended ones among them. */
  readonly begun: number;
  /** Whether some stage of the namespace has lacked room lately. */
  readonly isCrowded: boolean;
}

/** Looks at what was seen, and says when to look again at the latest, epoch ms; the wait is over when that is now. */
export type OnLook = (view: StageView) => Promise<number>;

/** The stage cannot be joined any more; the message is for the user of the composition. */
export class StageLost extends Verdict {
  constructor(message: string) {
    super(message);
    this.name = "StageLost";
  }
}

/** There is no such stage in this Redis (barrier.J4). */
export class StageMissing extends StageLost {
  constructor() {
    super("Redis has lost the data of the parallel stage");
  }
}

export class Barriers {
  constructor(
    private readonly link: RedisLink,
    private readonly host: HookHost,
    private readonly notifications: Notifications = new BlockingNotifications(link, host),
  ) {}

  /** Opens a stage: its marker, with a time to live. */
  async open(id: string, deadlineMs: number): Promise<void> {
    await this.link.run((redis) => together(redis.multi().hset(forkKey(id), "marker", "42").expire(forkKey(id), STAGE_TTL_S)), {
      deadlineMs,
    });
  }

  /**
   * Leaves a branch's result (composer's JSON of position and params). Answers like LPUSHX on composer's list: marker
   * and results that are there now, 0 when there is no marker (barrier.J4).
   */
  async push(id: string, branch: { position: number; count: number }, entry: string, deadlineMs: number): Promise<number> {
    const position = String(branch.position);
    const answers = await this.link.run(
      (redis) =>
        together(
          redis
            .multi()
            .hset(resultKey(id), position, entry)
            .expire(resultKey(id), STAGE_TTL_S)
            .hset(forkKey(id), position, "1", "count", String(branch.count))
            .expire(forkKey(id), STAGE_TTL_S)
            .hgetall(forkKey(id)),
        ),
      { deadlineMs },
    );
    const fields = answers.at(-1) as StageFields;
    if (fields.marker !== undefined) return endedOf(fields).size + 1;
    await this.clean(id);
    return 0;
  }

  /** Tells the parent that a branch has found room. Best effort: without it the parent takes its stage for crowded. */
  async begin(id: string, position: number): Promise<void> {
    await this.bestEffort(async (redis) => {
      const begun = redis.multi().hset(forkKey(id), `begun:${position}`, "1").expire(forkKey(id), STAGE_TTL_S).hgetall(forkKey(id));
      const fields = (await together(begun)).at(-1) as StageFields;
      if (fields.marker === undefined) await redis.del(forkKey(id)); // barrier.J4
    });
  }

  /** Tells all stages of the namespace that one of them has had to wait for room. Best effort. */
  async noteCrowd(): Promise<void> {
    await this.bestEffort((redis) => together(redis.multi().hset(CROWDED_KEY, "now", "1").expire(CROWDED_KEY, CROWDED_TTL_S)));
  }

  /** Tells the parent to look. Best effort: without it the parent looks a little later (barrier.J3). */
  async notify(id: string): Promise<void> {
    const key = joinKey(id);
    await this.bestEffort((redis) => together(redis.multi().rpush(key, "1").expire(key, NOTIFICATION_TTL_S)));
  }

  /**
   * Whether the stage is full. False at `deadlineMs`, or when `onLook`, which is called before each slice of waiting, ends the wait: not
   * full, or Redis is not there. Throws StageMissing (barrier.J4), and what `onLook` throws.
   */
  async untilFull(id: string, deadlineMs: number, onLook: OnLook = async () => deadlineMs): Promise<boolean> {
    const listener = this.notifications.listen(joinKey(id));
    try {
      for (;;) {
        const { fields, isCrowded } = await this.link.run((redis) => stageOf(redis, id), { deadlineMs });
        if (isFull(fields)) return true;
        const nextMs = await onLook({ ended: endedOf(fields), begun: begunOf(fields), isCrowded });
        const leftMs = Math.min(nextMs, deadlineMs) - this.host.nowMs();
        if (leftMs <= 0) return false;
        await listener.wait(Math.min(leftMs, SLICE_MS));
      }
    } catch (error) {
      if (error instanceof RedisUnreachable) return false;
      throw error;
    } finally {
      listener.close();
    }
  }

  /** The same wait; the branches' results as composer pushed them, once the stage is full, and else undefined. */
  async collect(id: string, deadlineMs: number, onLook?: OnLook): Promise<string[] | undefined> {
    if (!(await this.untilFull(id, deadlineMs, onLook))) return undefined;
    try {
      return Object.values(await this.link.run((redis) => redis.hgetall(resultKey(id)), { deadlineMs }));
    } catch (error) {
      if (error instanceof RedisUnreachable) return undefined;
      throw error;
    }
  }

  /** The positions that have a result now. Throws StageMissing (barrier.J4), and RedisUnreachable at `deadlineMs`. */
  async ended(id: string, deadlineMs: number): Promise<ReadonlySet<number>> {
    const { fields } = await this.link.run((redis) => stageOf(redis, id), { deadlineMs });
    return endedOf(fields);
  }

  /** Whether nothing is left of a stage (barrier.J8). Throws RedisUnreachable at `deadlineMs`. */
  async isGone(id: string, deadlineMs: number): Promise<boolean> {
    return (await this.link.run((redis) => redis.exists(forkKey(id)), { deadlineMs })) === 0;
  }

  /** Removes what is left of a stage. Best effort: what stays expires (barrier.J6). */
  async clean(id: string): Promise<void> {
    await this.bestEffort((redis) => redis.del(forkKey(id), resultKey(id), joinKey(id)));
  }

  private async bestEffort(operation: (redis: Redis) => Promise<unknown>): Promise<void> {
    try {
      await this.link.run(operation, { deadlineMs: this.host.nowMs() + BEST_EFFORT_MS });
    } catch (error) {
      if (!(error instanceof RedisUnreachable || error instanceof RedisRefuses)) throw error;
    }
  }
}

async function stageOf(redis: Redis, id: string): Promise<{ readonly fields: StageFields; readonly isCrowded: boolean }> {
  // no transaction: a Redis that is out of memory takes none, not even one that only reads
  const [fields, crowded] = (await together(redis.pipeline().hgetall(forkKey(id)).exists(CROWDED_KEY))) as [StageFields, number];
  if (fields.marker === undefined) throw new StageMissing();
  return { fields, isCrowded: crowded > 0 };
}

function isFull(fields: StageFields): boolean {
  return fields.count !== undefined && endedOf(fields).size >= Number(fields.count);
}

function endedOf(fields: StageFields): ReadonlySet<number> {
  return new Set(Object.keys(fields).filter(isPosition).map(Number));
}

function isPosition(field: string): boolean {
  return /^\d+$/.test(field);
}

function begunOf(fields: StageFields): number {
  return new Set(
    Object.keys(fields)
      .map((field) => field.replace(/^begun:/, ""))
      .filter(isPosition),
  ).size;
}

/** The answers of a transaction or a pipeline; the first error among them is thrown. */
async function together(transaction: ChainableCommander): Promise<unknown[]> {
  const answers = await transaction.exec();
  if (!answers) throw new Error("the transaction was discarded");
  return answers.map(([error, answer]) => {
    if (error) throw error;
    return answer;
  });
}
