/**
 * The containers of one invoker. Decisions are pool-schedule's and are taken at once, in the order of the requests; what follows
 * from them (destroying, starting) takes its time outside.
 *
 *   starting --> busy <--> idle --> leaving --> gone
 *       |          |                   ^
 *       +----------+-------------------+
 *
 * container-pool.C1  One activation at a time in a container.
 * container-pool.C2  A container that makes room for another is gone before the other starts. What the other needs of its memory is charged to
 *     the other from the decision on.
 * container-pool.C3  What is not claimed of a leaving container is charged until it is gone; so pool-schedule.P3 holds on the host, too.
 * container-pool.C4  Requests that have to wait are served in their order.
 * container-pool.C5  What can be paused is, after a while of idleness, and resumed before its next activation. One that cannot be resumed is
 *     replaced by a new container: a cold start, but no failure (openwhisk-protocol, 4.3).
 */
import { CALLED_OFF, type Clock, HarvestError } from "@openwhisk-harvest/core";
import type { Container } from "../container/driver.js";
import { type PoolDecision, type PoolRequest, schedule } from "./pool-schedule.js";

export interface PoolOptions {
  readonly capacityMb: number;
  /** A container idle for so long is destroyed. */
  readonly idleContainerMs: number;
  /** A container idle for so long is paused, if it has no grace of its own. 10 s when absent, as OpenWhisk's `pause-grace`. */
  readonly pauseGraceMs?: number;
  readonly clock: Clock;
}

const PAUSE_GRACE_MS = 10_000;

export interface ContainerRequest extends PoolRequest {
  /** What the container is charged when it is idle again. */
  readonly idleMemoryMb: number;
  start(): Promise<Container>;
}

/** A container for one activation. */
export interface Lease {
  readonly container: Container;
  readonly cold: boolean;
  /** Exactly once. With `keep` the container waits for the next activation, else it is destroyed. */
  release(keep: boolean): void;
}

interface Entry {
  readonly id: number;
  readonly key: string;
  readonly idleMemoryMb: number;
  memoryMb: number;
  container?: Container;
  idleSinceMs?: number;
  /** Settled when it has been paused, or could not be. Absent while it is not to be. */
  paused?: Promise<void>;
  /** Calls off its pause and its removal for idleness. */
  inUse?: AbortController;
}

interface Waiting {
  readonly request: ContainerRequest;
  readonly decide: (lease: Promise<Lease>) => void;
}

export class ContainerPool {
  readonly #options: PoolOptions;
  readonly #entries = new Map<number, Entry>();
  readonly #waiting: Waiting[] = [];
  readonly #leaving = new Set<Promise<void>>();
  #lastId = 0;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Rejects with OWH_NO_INVOKER when the request exceeds the whole pool or the pool is closed, or with what `start` rejects with. */
  acquire(request: ContainerRequest): Promise<Lease> {
    return new Promise((resolve) => {
      this.#waiting.push({ request, decide: resolve });
      this.#serve();
    });
  }

  hasIdle(key: string): boolean {
    return this.#idle().some((entry) => entry.key === key);
  }

  /** Refuses all that wait and destroys what is idle; what is busy is killed, so that its run ends, and goes when it is released. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#serve();
    const idle = this.#idle();
    const busy = [...this.#entries.values()].filter((entry) => !idle.includes(entry));
    for (const entry of idle) void this.#leave(entry);
    await Promise.allSettled(busy.map(({ container }) => container?.kill())); // the driver takes away what cannot be killed
    await Promise.all(this.#leaving);
  }

  #idle(): Entry[] {
    return [...this.#entries.values()].filter((entry) => entry.idleSinceMs !== undefined && entry.container?.alive);
  }

  #serve(): void {
    for (const entry of this.#entries.values()) if (entry.idleSinceMs !== undefined && !entry.container?.alive) void this.#leave(entry);
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      const decision = this.#decide(next.request);
      if (decision.kind === "wait") return;
      this.#waiting.shift();
      next.decide(this.#carryOut(decision, next.request));
    }
  }

  #decide(request: ContainerRequest): PoolDecision {
    if (this.#closed) return { kind: "refuse" };
    return schedule({ capacityMb: this.#options.capacityMb, containers: [...this.#entries.values()] }, request);
  }

  /** All changes to the pool happen before the first await. */
  async #carryOut(decision: Exclude<PoolDecision, { kind: "wait" }>, request: ContainerRequest): Promise<Lease> {
    if (decision.kind === "refuse")
      throw new HarvestError(
        "OWH_NO_INVOKER",
        `No container of ${request.memoryMb} MB can be had from a pool of ${this.#options.capacityMb} MB.`,
      );
    const entry = decision.kind === "warm" ? this.#entryOf(decision.id) : this.#newEntry(request);
    this.#occupy(entry, request.memoryMb);
    const evicted = decision.evict.map((id) => this.#entryOf(id));
    this.#passOn(evicted);
    const gone = evicted.map((each) => this.#leave(each));
    await Promise.all(gone);
    if (entry.container && (await resumed(entry, entry.container))) return this.#lease(entry, entry.container, false);
    try {
      entry.container = await request.start();
    } catch (error) {
      this.#forget(entry);
      throw error;
    }
    if (this.#closed) {
      void this.#leave(entry);
      throw new HarvestError("OWH_NO_INVOKER", "The pool has been closed.");
    }
    return this.#lease(entry, entry.container, true);
  }

  /** container-pool.C2: takes what is charged beyond the capacity off the containers that leave. */
  #passOn(leaving: readonly Entry[]): void {
    let excessMb = -this.#options.capacityMb;
    for (const entry of this.#entries.values()) excessMb += entry.memoryMb;
    for (const entry of leaving) {
      const passedMb = Math.min(Math.max(excessMb, 0), entry.memoryMb);
      entry.memoryMb -= passedMb;
      excessMb -= passedMb;
    }
  }

  #newEntry({ key, memoryMb, idleMemoryMb }: ContainerRequest): Entry {
    const entry: Entry = { id: ++this.#lastId, key, memoryMb, idleMemoryMb };
    this.#entries.set(entry.id, entry);
    return entry;
  }

  #entryOf(id: number): Entry {
    const entry = this.#entries.get(id);
    if (!entry) throw new RangeError(`The pool has no container ${id}.`);
    return entry;
  }

  #occupy(entry: Entry, memoryMb: number): void {
    delete entry.idleSinceMs;
    entry.inUse?.abort(CALLED_OFF);
    entry.memoryMb = memoryMb;
  }

  #lease(entry: Entry, container: Container, cold: boolean): Lease {
    return {
      container,
      cold,
      release: (keep) => {
        if (keep && container.alive && !this.#closed) this.#rest(entry);
        else void this.#leave(entry);
        this.#serve();
      },
    };
  }

  #rest(entry: Entry): void {
    entry.memoryMb = entry.idleMemoryMb;
    entry.idleSinceMs = this.#options.clock.monotonicMs();
    const inUse = new AbortController();
    entry.inUse = inUse;
    this.#pauseLater(entry, inUse.signal);
    this.#options.clock.sleep(this.#options.idleContainerMs, inUse.signal).then(
      () => this.#leave(entry),
      () => undefined, // in use again, or gone
    );
  }

  #pauseLater(entry: Entry, inUse: AbortSignal): void {
    const { clock, pauseGraceMs = PAUSE_GRACE_MS } = this.#options;
    const { container } = entry;
    if (!container?.pause) return;
    const pause = () => {
      entry.paused = container.pause?.() ?? Promise.resolve();
      entry.paused.catch(() => undefined); // found out when it is to be resumed
    };
    clock.sleep(container.pauseGraceMs ?? pauseGraceMs, inUse).then(pause, () => undefined); // in use again, or gone
  }

  #leave(entry: Entry): Promise<void> {
    delete entry.idleSinceMs;
    entry.inUse?.abort(CALLED_OFF);
    const gone = (entry.container?.destroy() ?? Promise.resolve()).then(() => {
      this.#leaving.delete(gone);
      this.#forget(entry);
    });
    this.#leaving.add(gone);
    return gone;
  }

  #forget(entry: Entry): void {
    this.#entries.delete(entry.id);
    this.#serve();
  }
}

/** container-pool.C5: whether the container can serve. One that cannot is gone afterwards; its memory stays charged to the one that replaces it. */
async function resumed(entry: Entry, container: Container): Promise<boolean> {
  const { paused } = entry;
  if (!paused) return true;
  delete entry.paused;
  try {
    await paused;
    await container.resume?.();
    return true;
  } catch {
    await container.destroy(); // why it cannot be resumed does not matter any more
    return false;
  }
}
