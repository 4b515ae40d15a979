/**
 * The placer for callers that wait: a promise for every activation that stands in line, with a deadline on the caller's
 * clock.
 *
 * balancer.B1  Every activation that waits is placed, or refused at its deadline, or leaves when its caller calls it off.
 */
import { type Allocation, CALLED_OFF, type Clock, HarvestError, messageOf } from "@openwhisk-harvest/core";
import type { Acquired } from "./acquired.js";
import { Placer, type PlacerOptions } from "./placer.js";
import type { InvokerView, PlacementRequest, WarmthProbe } from "./policy.js";
import type { Waiter } from "./waiting-line.js";

export interface BalancerOptions extends PlacerOptions {
  readonly queueDeadlineMs: number;
  readonly clock: Clock;
}

/** How an activation waits, if it has to. */
export interface Waiting {
  readonly isWarm?: WarmthProbe;
  /** It may wait as long as it takes. */
  readonly hasTime?: boolean;
  /** Aborted when its place is wanted no more. */
  readonly callOff?: AbortSignal;
}

export class Balancer {
  readonly #placer: Placer;
  readonly #clock: Clock;
  readonly #queueDeadlineMs: number;

  constructor(options: BalancerOptions) {
    this.#placer = new Placer(options);
    this.#clock = options.clock;
    this.#queueDeadlineMs = options.queueDeadlineMs;
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
   * Places the activation, or lets it wait in line. Throws OWH_NO_INVOKER at once when it is refused: no healthy
   * invoker, larger than every invoker, or the line is full. `placed` rejects with OWH_NO_INVOKER when the deadline
   * passes, or when it is called off. What can be called off has no deadline but that.
   */
  enqueue(request: PlacementRequest, { isWarm = () => false, ...patience }: Waiting = {}): { readonly placed: Promise<Acquired> } {
    const over = new AbortController();
    let settle: Waiter<Acquired>["settle"] = () => undefined;
    const placed = new Promise<Acquired>((resolve, reject) => {
      settle = (outcome) => {
        over.abort(CALLED_OFF);
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      };
    });
    const offered = this.#placer.offer({ request, isWarm, sinceMs: this.#clock.monotonicMs() }, settle);
    if ("release" in offered) return { placed: Promise.resolve(offered) };
    if (patience.callOff) this.#leaveWhenCalledOff(offered, patience.callOff, over.signal);
    else if (!patience.hasTime) this.#leaveAtDeadline(offered, over.signal);
    return { placed };
  }

  /** enqueue() for callers that treat both kinds of refusal alike. */
  async acquire(request: PlacementRequest, waiting?: Waiting): Promise<Acquired> {
    return this.enqueue(request, waiting).placed;
  }

  /** An unhealthy invoker gets nothing more, and compositions cached for it move. Work in flight keeps its permits. */
  setHealthy(invoker: number, healthy: boolean): void {
    this.#placer.setHealthy(invoker, healthy);
  }

  #leave(waiter: Waiter<Acquired>, why: string): void {
    if (this.#placer.leave(waiter)) waiter.settle(new HarvestError("OWH_NO_INVOKER", why));
  }

  #leaveAtDeadline(waiter: Waiter<Acquired>, over: AbortSignal): void {
    this.#clock.sleep(this.#queueDeadlineMs, over).then(
      () => this.#leave(waiter, `No invoker got room within ${this.#queueDeadlineMs} ms.`),
      (error: unknown) => this.#leave(waiter, `The wait for an invoker broke off: ${messageOf(error)}`),
    );
  }

  #leaveWhenCalledOff(waiter: Waiter<Acquired>, callOff: AbortSignal, over: AbortSignal): void {
    const leave = () => this.#leave(waiter, "The wait for an invoker was called off.");
    callOff.addEventListener("abort", leave, { once: true });
    over.addEventListener("abort", () => callOff.removeEventListener("abort", leave), { once: true });
    if (callOff.aborted) leave();
  }
}
