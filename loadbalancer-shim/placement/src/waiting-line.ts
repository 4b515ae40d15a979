/**
 * The line of activations that wait for room. Namespaces take turns, and within a namespace it is first come, first
 * served. The one whose turn it is holds up the others until there is room for it: none starves because it is large.
 * Conductors and components have a line each, because a conductor that waits for its share of memory must not hold back
 * the component whose end would make room.
 */
import type { PlacementRequest, WarmthProbe } from "./policy.js";

/** A request and what belongs to it while it is being served. */
export interface Ask {
  readonly request: PlacementRequest;
  readonly isWarm: WarmthProbe;
  readonly sinceMs: number;
}

export interface Waiter<T> extends Ask {
  readonly settle: (outcome: T | Error) => void;
}

/** Namespaces in the order of their turns, each with its waiters in the order of their arrival. */
type Turns<T> = Map<string, Set<Waiter<T>>>;

const namespaceOf = ({ request }: Ask) => request.namespace ?? "";

export class WaitingLine<T extends object> {
  readonly #conductors: Turns<T> = new Map();
  readonly #components: Turns<T> = new Map();
  #length = 0;

  get length(): number {
    return this.#length;
  }

  #turnsOf(request: PlacementRequest): Turns<T> {
    return request.conductor ? this.#conductors : this.#components;
  }

  /** True when none of its kind stands before the request. */
  isClearFor(request: PlacementRequest): boolean {
    return this.#turnsOf(request).size === 0;
  }

  add(waiter: Waiter<T>): void {
    const turns = this.#turnsOf(waiter.request);
    const namespace = namespaceOf(waiter);
    const queue = turns.get(namespace) ?? new Set();
    turns.set(namespace, queue.add(waiter));
    this.#length++;
  }

  /** False when the waiter had left before. */
  remove(waiter: Waiter<T>): boolean {
    const turns = this.#turnsOf(waiter.request);
    const queue = turns.get(namespaceOf(waiter));
    if (!queue?.delete(waiter)) return false;
    if (queue.size === 0) turns.delete(namespaceOf(waiter));
    this.#length--;
    return true;
  }

  /** Serves each kind turn by turn until `serve` says that the one whose turn it is has to go on waiting. */
  drain(serve: (waiter: Waiter<T>) => T | Error | "wait"): void {
    this.#drain(this.#components, serve);
    this.#drain(this.#conductors, serve);
  }

  #drain(turns: Turns<T>, serve: (waiter: Waiter<T>) => T | Error | "wait"): void {
    for (;;) {
      const [turn] = turns;
      if (!turn) return;
      const [namespace, queue] = turn;
      const [waiter] = queue;
      const outcome = waiter ? serve(waiter) : "wait";
      if (!waiter || outcome === "wait") return;
      queue.delete(waiter);
      turns.delete(namespace);
      if (queue.size > 0) turns.set(namespace, queue);
      this.#length--;
      waiter.settle(outcome);
    }
  }

  /** Takes all out, in the order of the turns' namespaces. */
  empty(): Waiter<T>[] {
    const all = [this.#components, this.#conductors].flatMap((turns) => [...turns.values()].flatMap((queue) => [...queue]));
    this.#components.clear();
    this.#conductors.clear();
    this.#length = 0;
    return all;
  }
}
