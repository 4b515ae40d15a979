/**
 * A Redis connection that is given up and made anew after any trouble: an operation is tried again until its deadline.
 * Every operation handed to it must therefore bear being done twice, and being done late (see barrier.ts, J1).
 */
import type { Redis } from "ioredis";
import type { HookHost } from "./config.js";

/** Longest wait for a connection, and for the answer of a command that does not block. */
const ANSWER_TIMEOUT_MS = 2_000;
/** Pause before the n-th new attempt: a restart of Redis takes some 100 ms, its loading some seconds. */
const pauseMs = (attempt: number) => Math.min(25 * 2 ** attempt, 500);
/** Answers that no new attempt can change. Others (LOADING, MISCONF, OOM, READONLY ...) pass. */
const PERMANENT = /^(?:NOAUTH|WRONGPASS|NOPERM|WRONGTYPE|NOPROTO|ERR(?! max number of clients))\b/;

/** Redis could not be reached before the deadline. */
export class RedisUnreachable extends Error {
  constructor(lastTrouble: string) {
    super(`Redis, which joins the parallel stage, cannot be reached (${lastTrouble})`);
    this.name = "RedisUnreachable";
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

  /** Throws RedisUnreachable when patience ends, and at once when trying again would be no use. */
  async run<T>(operation: (redis: Redis) => Promise<T>, patience: Patience): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        this.connection ??= this.connect();
        const redis = await this.connection;
        return await within(operation(redis), this.attemptMs(patience));
      } catch (trouble) {
        if (trouble instanceof Verdict) throw trouble;
        await this.drop();
        const said = troubleOf(trouble);
        if (PERMANENT.test(said)) throw new Error(`Redis refuses to join the parallel stage: ${said}`);
        if ("once" in patience || this.host.nowMs() + pauseMs(attempt) >= patience.deadlineMs) throw new RedisUnreachable(said);
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
    const redis = new Redis(this.url, {
      lazyConnect: true,
      connectTimeout: ANSWER_TIMEOUT_MS,
      retryStrategy: () => null,
      enableOfflineQueue: false,
      enableReadyCheck: false,
      autoResendUnfulfilledCommands: false,
      disableClientInfo: true,
      protocol: 2,
      ...this.tls,
    });
    // connect() only says that the connection is closed; why, ECONNREFUSED or WRONGPASS, comes as an event
    let reason: Error | undefined;
    redis.on("error", (error: Error) => {
      reason ??= error;
    });
    try {
      await within(redis.connect(), ANSWER_TIMEOUT_MS);
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

/** A text for the log. Redis repeats the arguments of a command it does not know, and AUTH has a password among them. */
function troubleOf(trouble: unknown): string {
  const { code, message } = trouble as { code?: string; message?: string };
  return (code ?? message ?? String(trouble)).replace(/,? with args.*/s, "").slice(0, 120);
}

async function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("no answer in time")), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
