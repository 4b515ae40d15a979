/**
 * A Redis connection that is given up and made anew after any trouble: an operation is tried again until its deadline.
 * Every operation handed to it must therefore bear being done twice, and being done late (barrier.J1).
 */
import type { Redis, RedisOptions } from "ioredis";
import type { HookHost } from "./config.js";
import { unixRedisOf } from "./wire.js";
import { inTime } from "./within.js";

/** Longest wait for a connection, and for the answer of a command that does not block. */
const ANSWER_TIMEOUT_MS = 2_000;
/** Pause before the n-th new attempt: a restart of Redis takes some 100 ms, its loading some seconds. */
const pauseMs = (attempt: number) => Math.min(25 * 2 ** attempt, 500);
/** Answers that no new attempt can change. Others (LOADING, too many clients) pass with the trouble they tell of. */
const PERMANENT = /^(?:NOAUTH|WRONGPASS|NOPERM|WRONGTYPE|NOPROTO|ERR(?! max number of clients))\b/;
/** Answers of a Redis that is there and takes no writes: out of memory, a replica, a disk that fails. Only an operator changes that. */
const NO_WRITES = /^(?:OOM|READONLY|MISCONF|NOREPLICAS|MASTERDOWN)\b/;
/** How long such answers are taken for a moment's: a failover tells its new primary within seconds. */
const NO_WRITES_PATIENCE_MS = 3_000;

/** Redis could not be reached before the deadline. */
export class RedisUnreachable extends Error {
  constructor(lastTrouble: string) {
    super(`Redis, which joins the parallel stage, cannot be reached (${lastTrouble})`);
    this.name = "RedisUnreachable";
  }
}

/** Redis answers, and what it answers is no; the message has its own word for it. */
export class RedisRefuses extends Error {
  /** Whether it may take writes again some time: what is tried now is refused, not what is tried later. */
  readonly mayPass: boolean;

  constructor(answer: string, mayPass: boolean) {
    super(`Redis refuses to join the parallel stage: ${answer}`);
    this.name = "RedisRefuses";
    this.mayPass = mayPass;
  }
}

/** How long to try: until an epoch ms, or once with a command that blocks so long beyond an ordinary answer. */
export type Patience = { readonly deadlineMs: number } | { readonly once: true; readonly blockMs: number };

/** What an operation found out, as opposed to trouble on the way: it is not tried again. */
export class Verdict extends Error {}

export class RedisLink {
  private connection: Promise<Redis> | undefined;

  constructor(
    private readonly url: string,
    private readonly host: HookHost,
    private readonly tls?: object,
  ) {}

  /** Throws RedisUnreachable when patience ends, and RedisRefuses, within seconds, when trying again would be no use. */
  async run<T>(operation: (redis: Redis) => Promise<T>, patience: Patience): Promise<T> {
    let refusedUntilMs: number | undefined;
    for (let attempt = 0; ; attempt++) {
      try {
        this.connection ??= this.connect();
        const redis = await this.connection;
        return await inTime(operation(redis), this.attemptMs(patience), this.host);
      } catch (trouble) {
        if (trouble instanceof Verdict) throw trouble;
        await this.drop();
        const said = troubleOf(trouble);
        if (PERMANENT.test(said)) throw new RedisRefuses(said, false);
        const refuses = NO_WRITES.test(said);
        refusedUntilMs = refuses ? (refusedUntilMs ?? this.host.nowMs() + NO_WRITES_PATIENCE_MS) : undefined;
        const untilMs = "once" in patience ? 0 : Math.min(patience.deadlineMs, refusedUntilMs ?? Number.POSITIVE_INFINITY);
        if (this.host.nowMs() + pauseMs(attempt) >= untilMs) throw refuses ? new RedisRefuses(said, true) : new RedisUnreachable(said);
        await this.host.sleep(pauseMs(attempt));
      }
    }
  }

  private attemptMs(patience: Patience): number {
    if ("once" in patience) return ANSWER_TIMEOUT_MS + patience.blockMs;
    return Math.max(1, Math.min(ANSWER_TIMEOUT_MS, patience.deadlineMs - this.host.nowMs()));
  }

  close(): Promise<void> {
    return this.drop();
  }

  /** ioredis is loaded here and not before: compositions without forks never need it. */
  private async connect(): Promise<Redis> {
    const { Redis } = await import("ioredis");
    const options: Omit<RedisOptions, "replyMapping"> = {
      lazyConnect: true,
      connectTimeout: ANSWER_TIMEOUT_MS,
      retryStrategy: () => null,
      enableOfflineQueue: false,
      enableReadyCheck: false,
      autoResendUnfulfilledCommands: false,
      disableClientInfo: true,
      protocol: 2,
      ...this.tls,
    };
    const unix = unixRedisOf(this.url);
    const redis = unix ? new Redis({ ...unix, ...options }) : new Redis(this.url, options);
    // connect() only says that the connection is closed; why, ECONNREFUSED or WRONGPASS, comes as an event
    let reason: Error | undefined;
    redis.on("error", (error: Error) => {
      reason ??= error;
    });
    try {
      await inTime(redis.connect(), ANSWER_TIMEOUT_MS, this.host);
      return redis;
    } catch (error) {
      redis.disconnect();
      throw reason ?? error;
    }
  }

  private async drop(): Promise<void> {
    const connection = this.connection;
    this.connection = undefined;
    try {
      (await connection)?.disconnect();
    } catch {
      return; // it never came about: the attempt that wanted it has the reason
    }
  }
}

/**
 * A text for the log. Redis repeats the arguments of a command it does not know, and AUTH has a password among them. Of a
 * transaction it discarded (EXECABORT) it has told the reason before, with the command.
 */
function troubleOf(trouble: unknown): string {
  const { previousErrors } = trouble as { previousErrors?: readonly unknown[] };
  const { code, message } = (previousErrors?.[0] ?? trouble) as { code?: string; message?: string };
  return (code ?? message ?? String(trouble)).replace(/,? with args.*/s, "").slice(0, 120);
}
