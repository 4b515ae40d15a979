/** Throttles per namespace (Entitlement.scala, RateThrottler, ActivationThrottler). Checked before an action is looked up. */
import type { Clock } from "@openwhisk-harvest/core";
import { WhiskRejection } from "../whisk-rejection.js";
import { tooManyConcurrentRequests, tooManyRequests } from "../whisk-texts.js";

export interface ThrottleLimits {
  readonly invocationsPerMinute: number;
  readonly concurrentInvocations: number;
  /** Triggers; as many as invocations when absent. */
  readonly firesPerMinute?: number;
}

const MINUTE_MS = 60_000;

interface Usage {
  minute: number;
  inMinute: number;
  firesInMinute: number;
  inFlight: number;
}

export class Throttle {
  readonly #limits: ThrottleLimits;
  readonly #clock: Clock;
  readonly #byNamespace = new Map<string, Usage>();

  constructor(limits: ThrottleLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Counts one request of a client. 429 when it is one too many in this minute, or the namespace has too much in flight. */
  check(namespace: string): void {
    const usage = this.#usageNow(namespace);
    usage.inMinute++;
    const { invocationsPerMinute, concurrentInvocations } = this.#limits;
    if (usage.inMinute > invocationsPerMinute) throw new WhiskRejection(429, tooManyRequests(usage.inMinute, invocationsPerMinute));
    if (usage.inFlight >= concurrentInvocations)
      throw new WhiskRejection(429, tooManyConcurrentRequests(usage.inFlight, concurrentInvocations));
  }

  /** Counts one firing of a trigger; what its rules invoke counts by itself. */
  checkFire(namespace: string): void {
    const usage = this.#usageNow(namespace);
    usage.firesInMinute++;
    const { firesPerMinute = this.#limits.invocationsPerMinute } = this.#limits;
    if (usage.firesInMinute > firesPerMinute) throw new WhiskRejection(429, tooManyRequests(usage.firesInMinute, firesPerMinute));
  }

  /** Counts an activation, also a component's, as in flight until the returned function is called. */
  enter(namespace: string): () => void {
    const usage = this.#usageOf(namespace);
    usage.inFlight++;
    return () => {
      usage.inFlight--;
    };
  }

  #usageNow(namespace: string): Usage {
    const usage = this.#usageOf(namespace);
    const minute = Math.floor(this.#clock.nowMs() / MINUTE_MS);
    if (usage.minute !== minute) Object.assign(usage, { minute, inMinute: 0, firesInMinute: 0 });
    return usage;
  }

  #usageOf(namespace: string): Usage {
    const usage = this.#byNamespace.get(namespace) ?? { minute: 0, inMinute: 0, firesInMinute: 0, inFlight: 0 };
    this.#byNamespace.set(namespace, usage);
    return usage;
  }
}
