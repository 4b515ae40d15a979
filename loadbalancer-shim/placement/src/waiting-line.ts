/**
 * The line of activations that wait for room, in the order in which they are to be served: what is needed for others to go on comes
 * first (H7).
 *
 * Invariants, cited by the tests:
 * waiting-line.O1  Within a namespace what belongs to runs that have begun comes before new runs, the oldest run first;
 *     of one run the deepest first, so that little of it is under way at once; and then in the order of arrival.
 * waiting-line.O2  Between namespaces the one that holds the smallest share comes first; of equals the one that was
 *     served longest ago.
 * waiting-line.O3  The first of a class for which there is no room holds up the others of it, so that none starves for
 *     being large, and all new runs. The components are a class, and the conductors of each level: those of a lower
 *     level find no more room than it does.
 * waiting-line.O4  What its namespace's own share holds up, or is held back, holds up its own namespace alone; and what may have to wait
 *     until conductors end holds up new runs alone: what runs may be what it waits for.
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

/** Why it has to go on waiting: no room; none within its namespace's share, or it is held back; none before conductors end. */
export type Delay = "no-room" | "own-share" | "conductors";

/** Components; the conductors of a level have its number. */
const COMPONENTS = -1;

interface Entry<T> {
  readonly waiter: Waiter<T>;
  readonly isNew: boolean;
  readonly order: number;
  readonly level: number;
  readonly arrival: number;
}

type Classes<T> = Map<number, Entry<T>[]>;

/** What is held up in one round of serving. */
class HeldUp<T> {
  readonly #passed = new Set<Entry<T>>();
  readonly #ownLevel = new Map<string, number>();
  #components = false;
  #level = -1;
  #newRuns = false;

  note(namespace: string, entry: Entry<T>, delay: Delay): void {
    this.#passed.add(entry);
    const kind = classOf(entry.waiter.request);
    if (delay === "own-share") {
      this.#ownLevel.set(namespace, Math.max(kind, this.#ownLevel.get(namespace) ?? -1));
      return;
    }
    this.#newRuns = true;
    if (delay === "conductors") return;
    if (kind === COMPONENTS) this.#components = true;
    else this.#level = Math.max(this.#level, kind);
  }

  holdsClass(namespace: string, kind: number): boolean {
    if (kind === COMPONENTS) return this.#components;
    return kind <= this.#level || kind <= (this.#ownLevel.get(namespace) ?? -1);
  }

  /** The first of a class that is not held up. New runs stand behind all others. */
  firstOf(namespace: string, entries: readonly Entry<T>[]): Entry<T> | undefined {
    const entry = entries.find((each) => each.isNew || !this.#passed.has(each));
    return entry?.isNew && (this.#newRuns || this.#ownLevel.has(namespace)) ? undefined : entry;
  }
}

export class WaitingLine<T extends object> {
  readonly #shareOf: (namespace: string) => number;
  /** In the order of their turns among equal shares. */
  readonly #namespaces = new Map<string, Classes<T>>();
  #length = 0;
  #arrivals = 0;

  /** `shareOf`: how much a namespace holds now (waiting-line.O2). */
  constructor(shareOf: (namespace: string) => number) {
    this.#shareOf = shareOf;
  }

  get length(): number {
    return this.#length;
  }

  /** True when nothing of its class waits. */
  isClearFor(request: PlacementRequest): boolean {
    const kind = classOf(request);
    for (const classes of this.#namespaces.values()) if (classes.has(kind)) return false;
    return true;
  }

  add(waiter: Waiter<T>): void {
    const { request } = waiter;
    const arrival = this.#arrivals++;
    const { order = arrival, level = 0, isNew = false } = request.run ?? {};
    const entry: Entry<T> = { waiter, order, level, isNew, arrival };
    const namespace = namespaceOf(waiter);
    const classes: Classes<T> = this.#namespaces.get(namespace) ?? new Map();
    this.#namespaces.set(namespace, classes);
    const entries = classes.get(classOf(request)) ?? [];
    classes.set(classOf(request), entries);
    entries.splice(placeOf(entry, entries), 0, entry);
    this.#length++;
  }

  /** False when the waiter had left before. */
  remove(waiter: Waiter<T>): boolean {
    const namespace = namespaceOf(waiter);
    const classes = this.#namespaces.get(namespace);
    const kind = classOf(waiter.request);
    const entries = classes?.get(kind) ?? [];
    const at = entries.findIndex((entry) => entry.waiter === waiter);
    if (!classes || at < 0) return false;
    entries.splice(at, 1);
    if (entries.length === 0) classes.delete(kind);
    if (classes.size === 0) this.#namespaces.delete(namespace);
    this.#length--;
    return true;
  }

  /** Serves in order until everything that is left is held up. */
  drain(serve: (waiter: Waiter<T>) => T | Error | Delay): void {
    const heldUp = new HeldUp<T>();
    for (let next = this.#next(heldUp); next; next = this.#next(heldUp)) {
      const { namespace, entry } = next;
      const outcome = serve(entry.waiter);
      if (typeof outcome === "string") heldUp.note(namespace, entry, outcome);
      else {
        this.remove(entry.waiter);
        this.#endTurn(namespace);
        entry.waiter.settle(outcome);
      }
    }
  }

  #next(heldUp: HeldUp<T>): { readonly namespace: string; readonly entry: Entry<T> } | undefined {
    let first: { readonly namespace: string; readonly entry: Entry<T>; readonly share: number } | undefined;
    for (const [namespace, classes] of this.#namespaces) {
      const entry = firstOf(namespace, classes, heldUp);
      if (!entry) continue;
      const share = this.#shareOf(namespace);
      if (!first || share < first.share) first = { namespace, entry, share };
    }
    return first;
  }

  #endTurn(namespace: string): void {
    const classes = this.#namespaces.get(namespace);
    if (!classes) return;
    this.#namespaces.delete(namespace);
    this.#namespaces.set(namespace, classes);
  }

  /** Takes everything out, in no particular order of namespaces. */
  empty(): Waiter<T>[] {
    const all = [...this.#namespaces.values()].flatMap((classes) => [...classes.values()].flat());
    this.#namespaces.clear();
    this.#length = 0;
    return all.sort((a, b) => a.arrival - b.arrival).map(({ waiter }) => waiter);
  }
}

function firstOf<T>(namespace: string, classes: Classes<T>, heldUp: HeldUp<T>): Entry<T> | undefined {
  let first: Entry<T> | undefined;
  for (const [kind, entries] of classes) {
    if (heldUp.holdsClass(namespace, kind)) continue;
    const entry = heldUp.firstOf(namespace, entries);
    if (entry && (!first || comesBefore(entry, first))) first = entry;
  }
  return first;
}

const namespaceOf = ({ request }: Ask) => request.namespace ?? "";

function classOf({ conductor, run }: PlacementRequest): number {
  return conductor ? (run?.level ?? 0) : COMPONENTS;
}

/** waiting-line.O1 */
function comesBefore<T>(a: Entry<T>, b: Entry<T>): boolean {
  if (a.isNew !== b.isNew) return b.isNew;
  if (a.order !== b.order) return a.order < b.order;
  return a.level === b.level ? a.arrival < b.arrival : a.level > b.level;
}

function placeOf<T>(entry: Entry<T>, entries: readonly Entry<T>[]): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = entries[middle];
    if (other && comesBefore(other, entry)) low = middle + 1;
    else high = middle;
  }
  return low;
}
