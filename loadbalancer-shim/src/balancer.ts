/**
 * The queueing machine around a placement policy (paper, Algorithm 2, with its NeedWork signal).
 *
 * An activation is `placed` (holds permits of one invoker), `waiting` (in line), or `refused`:
 *   acquire -> placed | waiting | refused     waiting -> placed | refused     placed -> released
 *
 * Invariants, cited by the tests:
 *  B1 Every activation that waits is placed or refused at its deadline at the latest.
 *  B2 Nobody overtakes one of its own kind (conductors, components) that waits.
 *  B3 Once everything has been released, every invoker's whole capacity is free.
 *  B4 Nothing is placed on an invoker that is not healthy.
 *  B5 atLeast <= grant <= want, and the grants in force on an invoker never exceed its capacity (H6).
 */
import { type Allocation, type Clock, HarvestError, messageOf } from "@openwhisk-harvest/core";
import { CompositionCache } from "./composition-cache.js";
import { InvokerPermits } from "./permits.js";
import type { InvokerView, Placement, PlacementPolicy, PlacementRequest, RefusalReason } from "./policy.js";
import { type Ask, type Waiter, WaitingLine, type WarmthProbe } from "./waiting-line.js";

export interface BalancerOptions {
  readonly policy: PlacementPolicy;
  readonly invokers: readonly { readonly id: number; readonly capacity: Allocation }[];
  /** Steps of the grid, for grants below what is wanted. */
  readonly step: Allocation;
  /** Share of an invoker's memory that conductors may hold. */
  readonly conductorMemoryShare: number;
  readonly queueLength: number;
  readonly queueDeadlineMs: number;
  readonly clock: Clock;
  readonly cache?: CompositionCache;
}

type Place = Extract<Placement, { kind: "place" }>;

export interface Acquired {
  readonly invoker: number;
  readonly grant: Allocation;
  readonly placement: Place;
  /** Time spent in line. */
  readonly waitedMs: number;
  /** Gives the permits back, once. */
  release(): void;
}

interface Slot {
  readonly id: number;
  readonly permits: InvokerPermits;
  healthy: boolean;
}

export class Balancer {
  readonly #options: BalancerOptions;
  readonly #cache: CompositionCache;
  readonly #slots: readonly Slot[];
  readonly #line = new WaitingLine<Acquired>();

  constructor(options: BalancerOptions) {
    this.#options = options;
    this.#cache = options.cache ?? new CompositionCache({ clock: options.clock });
    this.#slots = options.invokers.map(({ id, capacity }) => ({
      id,
      permits: new InvokerPermits(capacity, options.conductorMemoryShare),
      healthy: true,
    }));
  }

  get waiting(): number {
    return this.#line.length;
  }

  /** The invokers as a component's request would see them, without their containers. */
  invokers(): InvokerView[] {
    return this.#slots.map((slot) => viewOf(slot, false, () => false));
  }

  /** The most that one invoker has to give. */
  largest(conductor = false): Allocation {
    const most = this.#slots.map((slot) => slot.permits.most(conductor));
    return { cpuCores: Math.max(...most.map((m) => m.cpuCores)), memoryMb: Math.max(...most.map((m) => m.memoryMb)) };
  }

  /**
   * Places the activation, or lets it wait in line. Throws OWH_NO_INVOKER at once when it is refused: no healthy invoker,
   * larger than every invoker, or the line is full. `placed` rejects with OWH_NO_INVOKER when the deadline passes.
   */
  enqueue(request: PlacementRequest, isWarm: WarmthProbe = () => false): { readonly placed: Promise<Acquired> } {
    const ask: Ask = { request, isWarm, sinceMs: this.#options.clock.monotonicMs() };
    const placement = this.#placementOf(ask);
    if (placement.kind === "refuse") throw refusal(placement.reason);
    const acquired = placement.kind === "place" && this.#line.isClearFor(request) ? this.#take(ask, placement) : undefined;
    if (acquired) return { placed: Promise.resolve(acquired) };
    if (this.#line.length >= this.#options.queueLength)
      throw new HarvestError("OWH_NO_INVOKER", `No invoker has room, and ${this.#line.length} activations are waiting already.`);
    return { placed: this.#wait(ask) };
  }

  /** enqueue() for callers who treat both kinds of refusal alike. */
  async acquire(request: PlacementRequest, isWarm?: WarmthProbe): Promise<Acquired> {
    return this.enqueue(request, isWarm).placed;
  }

  /** An unhealthy invoker gets nothing more, and compositions cached for it move. Work in flight keeps its permits. */
  setHealthy(invoker: number, healthy: boolean): void {
    const slot = this.#slots.find((s) => s.id === invoker);
    if (!slot) throw new HarvestError("OWH_NOT_FOUND", `There is no invoker ${invoker}.`);
    slot.healthy = healthy;
    if (!healthy) this.#cache.forgetInvoker(invoker);
    this.#needWork();
  }

  #wait(ask: Ask): Promise<Acquired> {
    const { clock, queueDeadlineMs } = this.#options;
    return new Promise((resolve, reject) => {
      const alarm = new AbortController();
      const waiter: Waiter<Acquired> = {
        ...ask,
        settle: (outcome) => {
          alarm.abort();
          if (outcome instanceof Error) reject(outcome);
          else resolve(outcome);
        },
      };
      const leave = (why: Error) => {
        if (!this.#line.remove(waiter)) return;
        reject(why);
        this.#needWork();
      };
      this.#line.add(waiter);
      clock.sleep(queueDeadlineMs, alarm.signal).then(
        () => leave(new HarvestError("OWH_NO_INVOKER", `No invoker got room within ${queueDeadlineMs} ms.`)),
        (error: unknown) => leave(new HarvestError("OWH_NO_INVOKER", `The wait for an invoker broke off: ${messageOf(error)}`)),
      );
    });
  }

  /** Permits came back, an invoker changed its health, or a waiter left: whoever is next in line may go now. */
  #needWork(): void {
    this.#line.drain((waiter) => {
      const placement = this.#placementOf(waiter);
      if (placement.kind === "refuse") return refusal(placement.reason);
      return placement.kind === "place" ? (this.#take(waiter, placement) ?? "wait") : "wait";
    });
  }

  #placementOf({ request, isWarm }: Ask): Placement {
    const cachedInvoker = this.#cache.lookup(request.cause);
    return this.#options.policy.place(request, {
      invokers: this.#slots.map((slot) => viewOf(slot, request.conductor, isWarm)),
      step: this.#options.step,
      ...(cachedInvoker !== undefined && { cachedInvoker }),
    });
  }

  #take({ request, sinceMs }: Ask, placement: Place): Acquired | undefined {
    const permit = this.#slots.find((s) => s.id === placement.invoker)?.permits.tryTake(placement.grant, request.conductor);
    if (!permit) return undefined;
    if (placement.remember && request.cause !== undefined) this.#cache.remember(request.cause, placement.invoker);
    return {
      invoker: placement.invoker,
      grant: permit.held,
      placement,
      waitedMs: this.#options.clock.monotonicMs() - sinceMs,
      release: () => {
        permit.release();
        this.#needWork();
      },
    };
  }
}

const REFUSALS: Record<RefusalReason, string> = {
  "no-healthy-invoker": "No invokers available.",
  "larger-than-every-invoker": "The activation asks for more than any invoker has.",
};

function refusal(reason: RefusalReason): HarvestError {
  return new HarvestError("OWH_NO_INVOKER", REFUSALS[reason]);
}

function viewOf(slot: Slot, conductor: boolean, isWarm: WarmthProbe): InvokerView {
  return {
    id: slot.id,
    healthy: slot.healthy,
    inFlight: slot.permits.holders,
    free: slot.permits.free(conductor),
    capacity: slot.permits.most(conductor),
    warm: isWarm(slot.id),
  };
}
