/**
 * Throttles of the rate, per namespace (Entitlement.scala, RateThrottler). Checked before an action is looked up. What composition runs
 * invoke by themselves does not count; how much may be in flight is admission's.
 */
import type { Clock } from "@openwhisk-harvest/core";
import { WhiskRejection } from "../whisk-rejection.js";
import { tooManyRequests } from "../whisk-texts.js";

export interface ThrottleLimits {
  readonly invocationsPerMinute: number;
  /** Triggers; as many as invocations when absent. */
  readonly firesPerMinute?: number;
}

const MINUTE_MS = 60_000;

interface Usage {
  minute: number;
  inMinute: number;
  firesInMinute: number;
}

export class Throttle {
  readonly #limits: ThrottleLimits;
  readonly #clock: Clock;
  readonly #byNamespace = new Map<string, Usage>();

  constructor(limits: ThrottleLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Counts one request of a client. 429 when it is one too many in this minute. */
  check(namespace: string): void {
    const usage = this.#usageNow(namespace);
    this.#limit(++usage.inMinute, this.#limits.invocationsPerMinute);
  }

  /** Counts one firing of a trigger; what its rules invoke counts by itself. */
  checkFire(namespace: string): void {
    const usage = this.#usageNow(namespace);
    this.#limit(++usage.firesInMinute, this.#limits.firesPerMinute ?? this.#limits.invocationsPerMinute);
  }

  #limit(count: number, allowed: number): void {
    if (count > allowed) throw new WhiskRejection(429, tooManyRequests(count, allowed), MINUTE_MS - (this.#clock.nowMs() % MINUTE_MS));
  }

  #usageNow(namespace: string): Usage {
    const usage = this.#usageOf(namespace);
    const minute = Math.floor(this.#clock.nowMs() / MINUTE_MS);
    if (usage.minute !== minute) Object.assign(usage, { minute, inMinute: 0, firesInMinute: 0 });
    return usage;
  }

  #usageOf(namespace: string): Usage {
    const usage = this.#byNamespace.get(namespace) ?? { minute: 0, inMinute: 0, firesInMinute: 0 };
    this.#byNamespace.set(namespace, usage);
    return usage;
  }
}
