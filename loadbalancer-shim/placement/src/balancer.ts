/**
 * The placer for callers that wait: a promise for every activation that stands in line.
 *
 * balancer.B1  Every activation that waits is placed once there is room, refused when there never will be, or leaves
 *     when its caller calls it off.
 */
import { type Allocation, HarvestError } from "@openwhisk-harvest/core";
import type { Acquired } from "./acquired.js";
import { Placer, type PlacerOptions } from "./placer.js";
import type { InvokerView, PlacementRequest, WarmthProbe } from "./policy.js";
import type { Waiter } from "./waiting-line.js";

/** How an activation waits, if it has to. */
export interface Waiting {
  readonly isWarm?: WarmthProbe;
  /** Aborted when its place is wanted no more. */
  readonly callOff?: AbortSignal;
}

export interface Enqueued {
  readonly placed: Promise<Acquired>;
  /** There was no room for it yet. */
  readonly isWaiting: boolean;
}

export class Balancer {
  readonly #placer: Placer;
  readonly #clock: PlacerOptions["clock"];

  constructor(options: PlacerOptions) {
    this.#placer = new Placer(options);
    this.#clock = options.clock;
  }

  get waiting(): number {
    return this.#placer.waiting;
  }

  invokers(): InvokerView[] {
    return this.#placer.invokers();
  }

  /** The most that one invoker has to give. */
  largest(conductor = false): Allocation {
    return this.#placer.largest(conductor);
  }

  /**
   * Places the activation, or lets it wait in line. Throws OWH_NO_INVOKER at once when it is refused: no healthy invoker,
   * larger than every invoker, nested too deep, or the line is full. `placed` rejects with OWH_NO_INVOKER when that comes to be, or
   * when it is called off.
   */
  enqueue(request: PlacementRequest, { isWarm = () => false, callOff }: Waiting = {}): Enqueued {
    let settle: Waiter<Acquired>["settle"] = () => undefined;
    let wantNoMore: () => void = () => undefined;
    const placed = new Promise<Acquired>((resolve, reject) => {
      settle = (outcome) => {
        callOff?.removeEventListener("abort", wantNoMore);
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      };
    });
    const offered = this.#placer.offer({ request, isWarm, sinceMs: this.#clock.monotonicMs() }, settle);
    if ("release" in offered) return { placed: Promise.resolve(offered), isWaiting: false };
    wantNoMore = () => this.#callOff(offered);
    if (callOff?.aborted) wantNoMore();
    else callOff?.addEventListener("abort", wantNoMore, { once: true });
    return { placed, isWaiting: true };
  }

  /** enqueue() for callers that treat both kinds of refusal alike. */
  async acquire(request: PlacementRequest, waiting?: Waiting): Promise<Acquired> {
    return this.enqueue(request, waiting).placed;
  }

  /** An unhealthy invoker gets nothing more, and compositions cached for it move. Work in flight keeps its permits. */
  setHealthy(invoker: number, healthy: boolean): void {
    this.#placer.setHealthy(invoker, healthy);
  }

  /** A new run that was held back may begin now. */
  wake(): void {
    this.#placer.wake();
  }

  #callOff(waiter: Waiter<Acquired>): void {
    if (this.#placer.leave(waiter)) waiter.settle(new HarvestError("OWH_NO_INVOKER", "The wait for an invoker was called off."));
  }
}
