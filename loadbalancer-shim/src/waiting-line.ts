/**
 * The line of activations that wait for room. First come, first served within conductors and within components; the two
 * lines do not wait for one another, because a conductor at the head that waits for its share of memory must not hold back
 * the component whose end would make room.
 */
import type { PlacementRequest } from "./policy.js";

/** Answers whether a warm container for the request waits at an invoker. */
export type WarmthProbe = (invoker: number) => boolean;

/** A request and what belongs to it while it is being served. */
export interface Ask {
  readonly request: PlacementRequest;
  readonly isWarm: WarmthProbe;
  readonly sinceMs: number;
}

export interface Waiter<T> extends Ask {
  readonly settle: (outcome: T | Error) => void;
}

export class WaitingLine<T extends object> {
  readonly #conductors = new Set<Waiter<T>>();
  readonly #components = new Set<Waiter<T>>();

  get length(): number {
    return this.#conductors.size + this.#components.size;
  }

  #lineOf(request: PlacementRequest): Set<Waiter<T>> {
    return request.conductor ? this.#conductors : this.#components;
  }

  /** True when nobody of its kind stands before the request. */
  isClearFor(request: PlacementRequest): boolean {
    return this.#lineOf(request).size === 0;
  }

  add(waiter: Waiter<T>): void {
    this.#lineOf(waiter.request).add(waiter);
  }

  /** False when the waiter had left before. */
  remove(waiter: Waiter<T>): boolean {
    return this.#lineOf(waiter.request).delete(waiter);
  }

  /** Serves each line from its head until `serve` says that the head has to go on waiting. */
  drain(serve: (waiter: Waiter<T>) => T | Error | "wait"): void {
    for (const line of [this.#components, this.#conductors]) {
      for (const waiter of line) {
        const outcome = serve(waiter);
        if (outcome === "wait") break;
        line.delete(waiter);
        waiter.settle(outcome);
      }
    }
  }
}
