/**
 * The placer for callers who wait: a promise for every activation that stands in line, with a deadline on the caller's clock.
 *
 * Invariant B1, cited by the tests: every activation that waits is placed or refused at its deadline at the latest.
 * B2 to B6 are the placer's.
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
   * Places the activation, or lets it wait in line. Throws OWH_NO_INVOKER at once when it is refused: no healthy invoker,
   * larger than every invoker, or the line is full. `placed` rejects with OWH_NO_INVOKER when the deadline passes.
   */
  enqueue(request: PlacementRequest, isWarm: WarmthProbe = () => false): { readonly placed: Promise<Acquired> } {
    const alarm = new AbortController();
    let settle: Waiter<Acquired>["settle"] = () => undefined;
    const placed = new Promise<Acquired>((resolve, reject) => {
      settle = (outcome) => {
        alarm.abort(CALLED_OFF);
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      };
    });
    const offered = this.#placer.offer({ request, isWarm, sinceMs: this.#clock.monotonicMs() }, settle);
    if ("release" in offered) return { placed: Promise.resolve(offered) };
    this.#leaveAtDeadline(offered, alarm.signal);
    return { placed };
  }

  /** enqueue() for callers who treat both kinds of refusal alike. */
  async acquire(request: PlacementRequest, isWarm?: WarmthProbe): Promise<Acquired> {
    return this.enqueue(request, isWarm).placed;
  }

  /** An unhealthy invoker gets nothing more, and compositions cached for it move. Work in flight keeps its permits. */
  setHealthy(invoker: number, healthy: boolean): void {
    this.#placer.setHealthy(invoker, healthy);
  }

  #leaveAtDeadline(waiter: Waiter<Acquired>, signal: AbortSignal): void {
    const leave = (why: string) => {
      if (this.#placer.leave(waiter)) waiter.settle(new HarvestError("OWH_NO_INVOKER", why));
    };
    this.#clock.sleep(this.#queueDeadlineMs, signal).then(
      () => leave(`No invoker got room within ${this.#queueDeadlineMs} ms.`),
      (error: unknown) => leave(`The wait for an invoker broke off: ${messageOf(error)}`),
    );
  }
}
