/**
 * The health of the real invokers, as a controller would see it (openwhisk-protocol, 2.2): pings, the health test, and the last ten ends of
 * activations. States of one invoker, and what moves it:
 *   absent --ping--> testing --test passed--> healthy --more than 3 system errors of 10--> testing
 *   any --no ping for the timeout, or a ping that says disabled--> gone --ping that says enabled--> testing
 *
 * Invariants, cited by the tests:
 * invoker-watch.W1  Only an invoker that pings, is enabled and has passed a test since it came is healthy.
 * invoker-watch.W2  A disabled invoker is out at once; its pings in the past, and pings older than the timeout, do not bring it back.
 */
import type { Ping } from "./messages.js";

/** Reference, 2.2: ISUP's ring buffer and tolerance, and the time between tests of one that is not well. */
const RING = 10;
const TOLERANCE = 3;
const TEST_AGAIN_MS = 60_000;

export type InvokerState = "testing" | "healthy" | "gone";

interface Watched {
  state: InvokerState;
  /** False for one that is only expected. */
  hasPinged: boolean;
  lastPingMs: number;
  /** When it went; while it is gone. */
  goneAtMs: number;
  testedAtMs: number;
  ends: boolean[];
}

export class InvokerWatch {
  readonly #invokers = new Map<number, Watched>();
  readonly #timeoutMs: number;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  get ids(): number[] {
    return [...this.#invokers.keys()];
  }

  isHealthy(id: number): boolean {
    const watched = this.#invokers.get(id);
    return watched?.state === "healthy" && watched.hasPinged;
  }

  get anyHealthy(): boolean {
    return this.ids.some((id) => this.isHealthy(id));
  }

  /** Since when the invoker has been gone; undefined while it is there. */
  goneSinceMs(id: number): number | undefined {
    const watched = this.#invokers.get(id);
    return watched?.state === "gone" ? watched.goneAtMs : undefined;
  }

  /** An invoker that must have been there, for it has work: it has the timeout to ping. */
  expect(id: number, nowMs: number): void {
    if (!this.#invokers.has(id)) this.#invokers.set(id, newcomer(nowMs, false));
  }

  ping({ instance, isEnabled }: Ping, sentMs: number, nowMs: number): void {
    if (nowMs - sentMs > this.#timeoutMs) return;
    const known = this.#invokers.get(instance);
    if (!isEnabled) {
      if (known) this.#go(known, nowMs);
      return;
    }
    if (known && known.state !== "gone") {
      known.lastPingMs = nowMs;
      known.hasPinged = true;
    } else this.#invokers.set(instance, newcomer(nowMs, true));
  }

  /** An activation or a test came to its end there. */
  ended(id: number, isSystemError: boolean, isTest: boolean): void {
    const watched = this.#invokers.get(id);
    if (!watched || watched.state === "gone") return;
    watched.ends = [...watched.ends, !isSystemError].slice(-RING);
    const errors = watched.ends.filter((good) => !good).length;
    if (watched.state === "healthy" && errors > TOLERANCE) watched.state = "testing";
    if (watched.state !== "testing" || !isTest) return;
    if (!isSystemError && errors <= TOLERANCE) watched.state = "healthy";
    // A good end that is not enough yet is followed by the next test at once.
    else if (!isSystemError) watched.testedAtMs = Number.NEGATIVE_INFINITY;
  }

  /** Those that are to be tested now. */
  tick(nowMs: number): number[] {
    const toTest: number[] = [];
    for (const [id, watched] of this.#invokers) {
      if (watched.state !== "gone" && nowMs - watched.lastPingMs > this.#timeoutMs) this.#go(watched, nowMs);
      if (watched.state !== "testing" || nowMs - watched.testedAtMs < TEST_AGAIN_MS) continue;
      watched.testedAtMs = nowMs;
      toTest.push(id);
    }
    return toTest;
  }

  #go(watched: Watched, nowMs: number): void {
    if (watched.state === "gone") return;
    watched.state = "gone";
    watched.goneAtMs = nowMs;
    watched.ends = [];
  }
}

/** To be tested at once. */
function newcomer(nowMs: number, hasPinged: boolean): Watched {
  return { state: "testing", hasPinged, lastPingMs: nowMs, goneAtMs: 0, testedAtMs: Number.NEGATIVE_INFINITY, ends: [] };
}
