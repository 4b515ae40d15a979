/**
 * The queueing machine around a placement policy (paper, Algorithm 2, with its NeedWork signal), without promises or
 * timers: an activation is placed (holds permits of one invoker), waits (in the common line or in the queue of an
 * invoker), or is refused.
 *   offer -> placed | waiting | refused     waiting -> placed | refused | left     placed -> released
 *
 * Invariants, cited by the tests:
 * placer.B2  What waits is served in the order of its line (waiting-line.ts).
 * placer.B3  Once everything has been released, every invoker's whole capacity is free.
 * placer.B4  Nothing is placed on an invoker that is not healthy.
 * placer.B5  atLeast <= permits <= want, and the permits held at an invoker never exceed its capacity (H6).
 * placer.B6  As long as its cached invoker is healthy and has room, an activation of a composition goes there
 *     (composition-aware policies).
 */
import { type Allocation, type Clock, HarvestError } from "@openwhisk-harvest/core";
import { type Acquired, Explained, Holding, type Place } from "./acquired.js";
import { delayOf, roomFor } from "./candidates.js";
import { CompositionCache } from "./composition-cache.js";
import { fitPermits } from "./fit.js";
import { InvokerSlot } from "./invoker-slot.js";
import { NamespaceShares } from "./namespace-shares.js";
import type { Permit } from "./permits.js";
import type {
  InvokerView,
  Placement,
  PlacementPolicy,
  PlacementReason,
  PlacementRequest,
  PlacementState,
  RefusalReason,
} from "./policy.js";
import { type Ask, type Delay, type Waiter, WaitingLine } from "./waiting-line.js";

export interface PlacerOptions {
  readonly policy: PlacementPolicy;
  readonly invokers: readonly { readonly id: number; readonly capacity: Allocation }[];
  /** Steps of the grid, for permits below what is wanted. */
  readonly step: Allocation;
  /** Share of an invoker's memory that conductors may hold. */
  readonly conductorMemoryShare: number;
  /** Whether a namespace's conductors leave room for those of others (conductor-room.L3). */
  readonly leavesRoom?: boolean;
  /** How many may wait when another comes; what belongs to a run that has begun may always. */
  readonly queueLength: number;
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly cache?: CompositionCache;
}

type Queue = Extract<Placement, { kind: "queue" }>;

export class Placer {
  readonly #options: PlacerOptions;
  readonly #cache: CompositionCache;
  /** In ascending order of their ids, as the views. */
  readonly #slots: InvokerSlot<Acquired>[] = [];
  readonly #byId = new Map<number, InvokerSlot<Acquired>>();
  readonly #shares = new NamespaceShares();
  readonly #shareOf = (namespace: string) => this.#shares.of(namespace);
  readonly #line = new WaitingLine<Acquired>(this.#shareOf);
  readonly #views: InvokerView[] = [];
  /** Why each in the queue of an invoker stands there. */
  readonly #assigned = new WeakMap<Waiter<Acquired>, PlacementReason>();
  #previousTurn: number | undefined;
  /** How many wait at invokers. */
  #queued = 0;

  constructor(options: PlacerOptions) {
    this.#options = options;
    this.#cache = options.cache ?? new CompositionCache({ clock: options.clock });
    for (const { id, capacity } of options.invokers) this.setInvoker(id, capacity);
  }

  /** All that wait, in the common line and at invokers. */
  get waiting(): number {
    return this.#line.length + this.#queued;
  }

  invokers(): InvokerView[] {
    return this.#views.slice();
  }

  /** The most that one invoker has to give. */
  largest(conductor = false): Allocation {
    const most = this.#slots.map((slot) => slot.permits.most(conductor));
    return { cpuCores: Math.max(...most.map((m) => m.cpuCores)), memoryMb: Math.max(...most.map((m) => m.memoryMb)) };
  }

  /** Adds an invoker, which is healthy then, or changes the capacity of one. */
  setInvoker(id: number, capacity: Allocation): void {
    const known = this.#byId.get(id);
    if (known) known.permits.resize(capacity);
    else {
      const slot = new InvokerSlot<Acquired>(id, capacity, this.#options, this.#shareOf);
      this.#byId.set(id, slot);
      this.#slots.push(slot);
      this.#slots.sort((a, b) => a.id - b.id);
    }
    for (const [index, slot] of this.#slots.entries()) {
      slot.index = index;
      this.#changed(slot);
    }
    this.#shares.resize(sumOf(this.#slots.map(({ permits }) => permits.capacity)));
    this.#needWork();
  }

  /**
   * An unhealthy invoker gets nothing more; what waits in its queue, and compositions cached for it, move. Permits stay
   * taken.
   */
  setHealthy(id: number, healthy: boolean): void {
    const slot = this.#slotOf(id);
    slot.healthy = healthy;
    const moving = healthy ? [] : slot.queue.empty();
    this.#queued -= moving.length;
    this.#changed(slot);
    if (!healthy) this.#cache.forgetInvoker(id);
    for (const waiter of moving) this.#placeAgain(waiter);
    this.#needWork();
  }

  /**
   * Places the activation at once, or lets it wait: then `settle` hears of its place. Throws OWH_NO_INVOKER when it is
   * refused: no healthy invoker, larger than every invoker, nested too deep, or too many wait.
   */
  offer(ask: Ask, settle: Waiter<Acquired>["settle"]): Acquired | Waiter<Acquired> {
    const placement = this.#placementOf(ask);
    if (placement.kind === "refuse") throw refusal(placement.reason);
    if (placement.kind === "place" && this.#line.length === 0 && !isHeldBack(ask)) {
      const acquired = this.#take(ask, placement);
      if (acquired) return acquired;
    }
    const { waiting } = this;
    const { run } = ask.request;
    if (waiting >= this.#options.queueLength && (!run || run.isNew))
      throw new HarvestError("OWH_NO_INVOKER", `No invoker has room, and ${waiting} activations are waiting already.`);
    return this.#enqueue(ask, settle, placement);
  }

  /** Into the line, which it may leave at once: its turn may come before theirs. */
  #enqueue(ask: Ask, settle: Waiter<Acquired>["settle"], placement: Placement): Acquired | Waiter<Acquired> {
    let atOnce: Acquired | Error | undefined;
    let tell: Waiter<Acquired>["settle"] = (outcome) => {
      atOnce = outcome;
    };
    const waiter: Waiter<Acquired> = { ...ask, settle: (outcome) => tell(outcome) };
    this.#queue(waiter, placement);
    this.#needWork();
    tell = settle;
    if (atOnce instanceof Error) throw atOnce;
    return atOnce ?? waiter;
  }

  /** Takes permits that are held already, after a restart: exact amounts, even if that leaves nothing free. */
  adopt(ask: Ask, invoker: number): Acquired {
    const { request } = ask;
    const placement: Place = { kind: "place", invoker, permits: request.want, why: "cached", remember: request.cause !== undefined };
    const slot = this.#slotOf(invoker);
    return this.#hold(ask, placement, slot, slot.permits.force(request.want, request));
  }

  /** A new run that was held back may begin now. */
  wake(): void {
    this.#needWork();
  }

  /** Takes a waiter out; false when it has been settled or has left before. */
  leave(waiter: Waiter<Acquired>): boolean {
    const slot = this.#slots.find(({ queue }) => queue.remove(waiter));
    if (slot) {
      this.#queued--;
      this.#changed(slot);
    } else if (!this.#line.remove(waiter)) return false;
    this.#needWork();
    return true;
  }

  #slotOf(id: number): InvokerSlot<Acquired> {
    const slot = this.#byId.get(id);
    if (!slot) throw new HarvestError("OWH_NOT_FOUND", `There is no invoker ${id}.`);
    return slot;
  }

  #changed(slot: InvokerSlot<Acquired>): void {
    this.#views[slot.index] = slot.view();
  }

  #stateFor({ request, isWarm }: Ask): PlacementState {
    const { only } = request;
    const cachedId = only ?? this.#cache.lookup(request.cause);
    const slot = cachedId === undefined ? undefined : this.#byId.get(cachedId);
    const cached = slot && this.#views[slot.index];
    return {
      invokers: only === undefined ? this.#views : this.#views.filter(({ id }) => id === only),
      isWarm,
      step: this.#options.step,
      ...(cached && { cached }),
      ...(this.#previousTurn !== undefined && { previousTurn: this.#previousTurn }),
    };
  }

  #placementOf(ask: Ask): Placement {
    return this.#options.policy.place(ask.request, this.#stateFor(ask));
  }

  /** Into the queue of the invoker that the policy has chosen, else into the common line. */
  #queue(waiter: Waiter<Acquired>, placement: Placement): void {
    if (placement.kind !== "queue") {
      this.#line.add(waiter);
      return;
    }
    this.#noteChoice(waiter.request, placement);
    this.#assigned.set(waiter, placement.why);
    const slot = this.#slotOf(placement.invoker);
    slot.queue.add(waiter);
    this.#queued++;
    this.#changed(slot);
  }

  #placeAgain(waiter: Waiter<Acquired>): void {
    const placement = this.#placementOf(waiter);
    const outcome = this.#outcomeOf(waiter, placement);
    if (typeof outcome === "string") this.#queue(waiter, placement);
    else waiter.settle(outcome);
  }

  #outcomeOf(ask: Ask, placement: Placement): Acquired | Error | Delay {
    if (placement.kind === "refuse") return refusal(placement.reason);
    if (isHeldBack(ask)) return "own-share";
    const acquired = placement.kind === "place" ? this.#take(ask, placement) : undefined;
    return acquired ?? delayOf(ask.request, this.#stateFor(ask).invokers);
  }

  /** Permits came back, an invoker changed its health, or a waiter left: the next may go now. */
  #needWork(): void {
    if (this.#queued > 0) for (const slot of this.#slots) this.#drainQueueOf(slot);
    while (this.#line.length > 0 && this.#drainLine());
  }

  #drainQueueOf(slot: InvokerSlot<Acquired>): void {
    const { queue } = slot;
    if (queue.length === 0 || !slot.healthy) return;
    const before = queue.length;
    queue.drain((waiter) => {
      if (isHeldBack(waiter)) return "own-share";
      return this.#takeAt(slot, waiter) ?? delayOf(waiter.request, [slot.view()]);
    });
    this.#queued -= before - queue.length;
    this.#changed(slot);
  }

  /** True when the one whose turn it was has gone to the queue of an invoker, so that the next one may try. */
  #drainLine(): boolean {
    let leaving: (() => void) | undefined;
    this.#line.drain((waiter) => {
      const placement = this.#placementOf(waiter);
      if (placement.kind === "queue") {
        leaving = () => {
          if (this.#line.remove(waiter)) this.#queue(waiter, placement);
        };
        return "no-room";
      }
      return this.#outcomeOf(waiter, placement);
    });
    leaving?.();
    return leaving !== undefined;
  }

  #takeAt(slot: InvokerSlot<Acquired>, waiter: Waiter<Acquired>): Acquired | undefined {
    const { request } = waiter;
    const permits = fitPermits(request, roomFor(request, slot.view()).free, this.#options.step);
    const why = this.#assigned.get(waiter) ?? "shortest-queue";
    return permits && this.#take(waiter, { kind: "place", invoker: slot.id, permits, why, remember: false }, true);
  }

  #take(ask: Ask, placement: Place, fromQueue = false): Acquired | undefined {
    const slot = this.#slotOf(placement.invoker);
    if (!fromQueue && !slot.queue.isClearFor(ask.request)) return undefined;
    const permit = slot.permits.tryTake(placement.permits, ask.request);
    return permit && this.#hold(ask, placement, slot, permit);
  }

  #hold({ request, isWarm, sinceMs }: Ask, placement: Place, slot: InvokerSlot<Acquired>, permit: Permit): Acquired {
    const { clock, step } = this.#options;
    const explained = new Explained(placement, request, { invokers: this.#views.slice(), step, isWarm });
    const { namespace = "" } = request;
    this.#noteChoice(request, placement);
    this.#shares.move(namespace, permit.held, 1);
    this.#changed(slot);
    return new Holding(permit, explained, clock.monotonicMs() - sinceMs, () => {
      this.#shares.move(namespace, permit.held, -1);
      this.#changed(slot);
      this.#needWork();
    });
  }

  #noteChoice({ cause }: PlacementRequest, { invoker, why, remember }: Place | Queue): void {
    if (why === "next-in-turn") this.#previousTurn = invoker;
    if (remember && cause !== undefined) this.#cache.remember(cause, invoker);
  }
}

function isHeldBack({ request: { run } }: Ask): boolean {
  return run?.isHeldBack?.() ?? false;
}

const REFUSALS: Record<RefusalReason, string> = {
  "no-healthy-invoker": "No invokers available.",
  "larger-than-every-invoker": "The activation asks for more than any invoker has.",
  "nested-too-deep":
    "The parallel stages of the composition are nested deeper than any invoker holds: each level that waits takes a conductor's memory.",
};

function sumOf(amounts: readonly Allocation[]): Allocation {
  return amounts.reduce((sum, each) => ({ cpuCores: sum.cpuCores + each.cpuCores, memoryMb: sum.memoryMb + each.memoryMb }), {
    cpuCores: 0,
    memoryMb: 0,
  });
}

function refusal(reason: RefusalReason): HarvestError {
  return new HarvestError("OWH_NO_INVOKER", REFUSALS[reason]);
}
