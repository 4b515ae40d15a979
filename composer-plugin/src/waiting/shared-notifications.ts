/**
 * Notifications for many waits over one connection: a blocking pop of all their lists at once.
 *
 * shared-notifications.N1  One pop is under way at a time, on a connection that does nothing else.
 * shared-notifications.N2  A wait that comes while a pop without its list blocks makes it begin anew: by a list of this object's own.
 * shared-notifications.N3  A notification that comes while its wait looks at its stage ends the wait's next slice at once.
 * shared-notifications.N4  Trouble with the connection ends no wait: each looks after its slice, and finds out what there is to find out.
 */
import { randomUUID } from "node:crypto";
import type { HookHost } from "../hook/config.js";
import type { Listener, Notifications } from "../hook/notifications.js";
import { type RedisLink, RedisRefuses, RedisUnreachable } from "../hook/redis-link.js";
import { within } from "../hook/within.js";

/** Longest pop. */
const POP_MS = 2_000;
/** Before a connection that has failed is tried again. */
const PAUSE_MS = 500;
const OWN_TTL_S = 60;
/** How long the own list's notification is tried. */
const RENEW_MS = 500;

interface Heard {
  notified: boolean;
  wake?: () => void;
}

export interface SharedLinks {
  /** Blocks in pops. */
  readonly pops: RedisLink;
  /** For what does not block. */
  readonly commands: RedisLink;
}

export class SharedNotifications implements Notifications {
  readonly #listeners = new Map<string, Set<Heard>>();
  readonly #ownKey = `composer/join/${randomUUID()}`;
  /** The lists of the pop under way. */
  #popped: ReadonlySet<string> = new Set();
  #isPopping = false;

  constructor(
    private readonly links: SharedLinks,
    private readonly host: HookHost,
  ) {}

  listen(key: string): Listener {
    const heard: Heard = { notified: false };
    const others = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, others.add(heard));
    if (!this.#isPopping) void this.#pop();
    else if (!this.#popped.has(key)) void this.#renew();
    return { wait: (ms) => this.#wait(heard, ms), close: () => this.#close(key, heard) };
  }

  async #wait(heard: Heard, ms: number): Promise<void> {
    if (!heard.notified) {
      const notified = new Promise<void>((resolve) => {
        heard.wake = resolve;
      });
      await within(notified, ms, this.host);
    }
    heard.notified = false; // shared-notifications.N3
    delete heard.wake;
  }

  #close(key: string, heard: Heard): void {
    const others = this.#listeners.get(key);
    others?.delete(heard);
    if (others?.size === 0) this.#listeners.delete(key);
  }

  /** As long as any wait listens. Never throws (shared-notifications.N4). */
  async #pop(): Promise<void> {
    this.#isPopping = true;
    while (this.#listeners.size > 0) {
      const keys = [...this.#listeners.keys()];
      this.#popped = new Set(keys);
      try {
        const pop = this.links.pops.run((redis) => redis.brpop(...keys, this.#ownKey, POP_MS / 1000), { once: true, blockMs: POP_MS });
        const [key] = (await pop) ?? [];
        for (const heard of (key !== undefined && this.#listeners.get(key)) || []) {
          heard.notified = true;
          heard.wake?.();
        }
      } catch {
        await this.host.sleep(PAUSE_MS); // by design: the waits tell what is wrong
      }
    }
    this.#popped = new Set();
    this.#isPopping = false;
  }

  /** shared-notifications.N2. Best effort: without it the pop begins anew within its time. */
  async #renew(): Promise<void> {
    const key = this.#ownKey;
    try {
      await this.links.commands.run((redis) => redis.multi().rpush(key, "1").expire(key, OWN_TTL_S).exec(), {
        deadlineMs: this.host.nowMs() + RENEW_MS,
      });
    } catch (error) {
      if (!(error instanceof RedisUnreachable || error instanceof RedisRefuses)) throw error;
    }
  }
}
