/** How a wait hears that its stage may be full (barrier.J3): it may hear too late, or nothing, and then looks after a slice by itself. */
import type { HookHost } from "./config.js";
import { type RedisLink, RedisRefuses, RedisUnreachable } from "./redis-link.js";

/** BRPOP takes 0 as "for ever". */
const SHORTEST_MS = 10;

export interface Listener {
  /** Ends with a notification, after `ms`, or with the connection. Throws RedisRefuses when there will never be one. */
  wait(ms: number): Promise<void>;
  close(): void;
}

export interface Notifications {
  /** `key`: the list that notifications are written to. */
  listen(key: string): Listener;
}

/** For one wait at a time, which blocks the connection. */
export class BlockingNotifications implements Notifications {
  constructor(
    private readonly link: RedisLink,
    private readonly host: HookHost,
  ) {}

  listen(key: string): Listener {
    return { wait: (ms) => this.#slice(key, Math.max(ms, SHORTEST_MS)), close: () => undefined };
  }

  async #slice(key: string, ms: number): Promise<void> {
    try {
      await this.link.run((redis) => redis.brpop(key, ms / 1000), { once: true, blockMs: ms });
    } catch (error) {
      if (error instanceof RedisRefuses && error.mayPass)
        await this.host.sleep(ms); // a replica: it can be read
      else if (!(error instanceof RedisUnreachable)) throw error;
    }
  }
}
