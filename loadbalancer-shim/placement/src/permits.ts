/**
 * The CPU and memory permits of one invoker (paper, 3.6.1, "Modifying the Semaphore Lock for CPU and Memory Permits").
 *
 * Invariants, cited by the tests:
 * permits.P1  CPU and memory are taken together and given back together; there is no state in which one holder has
 *     half.
 * permits.P2  What is free is never negative and never above the capacity.
 * permits.P3  A permit gives back exactly what it took, once; giving it back again changes nothing.
 * permits.P4  Conductors together never hold more memory than their share, so that conductors that wait for their
 *     branches always leave room for the components they wait for (architecture, 7). What each may take of it is
 *     conductor-room's.
 * permits.P5  Sums are exact: amounts have six decimals, and after the last permit has come back the whole capacity is
 *     free.
 * permits.P6  What is held may exceed the capacity only by force() and resize(): work that runs already is never
 *     denied. Then nothing is free.
 */
import { type Allocation, HarvestError, roundAmount } from "@openwhisk-harvest/core";
import { type Conductor, type ConductorsHeld, NO_CONDUCTORS, roomForConductor, withConductor } from "./conductor-room.js";

export interface Permit {
  readonly held: Allocation;
  release(): void;
}

/** What it is that takes a permit. */
export interface Taker {
  readonly conductor: boolean;
  readonly namespace?: string;
  readonly run?: { readonly level: number };
}

const COMPONENT: Taker = { conductor: false };

export interface PermitOptions {
  readonly conductorMemoryShare: number;
  /** Whether a namespace's conductors leave room for those of others (conductor-room.L3). */
  readonly leavesRoom?: boolean;
}

export class InvokerPermits {
  readonly #options: PermitOptions;
  #capacity: Allocation;
  #cpuCores = 0;
  #memoryMb = 0;
  #conductors: ConductorsHeld = NO_CONDUCTORS;
  #holders = 0;

  constructor(capacity: Allocation, options: PermitOptions) {
    this.#capacity = capacity;
    this.#options = options;
  }

  get capacity(): Allocation {
    return this.#capacity;
  }

  get conductorMemoryMb(): number {
    return roundAmount(this.#capacity.memoryMb * this.#options.conductorMemoryShare);
  }

  get conductors(): ConductorsHeld {
    return this.#conductors;
  }

  get leavesRoom(): boolean {
    return this.#options.leavesRoom ?? false;
  }

  /** An invoker came back with another size. */
  resize(capacity: Allocation): void {
    this.#capacity = capacity;
  }

  get holders(): number {
    return this.#holders;
  }

  /** What is free for a component, or at most for a conductor. */
  free(conductor = false): Allocation {
    const memoryMb = left(this.#capacity.memoryMb, this.#memoryMb);
    return {
      cpuCores: left(this.#capacity.cpuCores, this.#cpuCores),
      memoryMb: conductor ? Math.min(memoryMb, left(this.conductorMemoryMb, this.#conductors.totalMb)) : memoryMb,
    };
  }

  /** The most that a component, or a conductor, could ever take. */
  most(conductor = false): Allocation {
    return conductor ? { cpuCores: this.#capacity.cpuCores, memoryMb: this.conductorMemoryMb } : this.#capacity;
  }

  /** Takes both or neither. OWH_BAD_ALLOCATION for amounts that are negative or no numbers. */
  tryTake(wanted: Allocation, taker: Taker = COMPONENT): Permit | undefined {
    const held = checked(wanted);
    const free = this.free(taker.conductor);
    if (held.cpuCores > free.cpuCores || held.memoryMb > free.memoryMb) return undefined;
    if (taker.conductor && held.memoryMb > this.#roomFor(held.memoryMb, taker)) return undefined;
    return this.#take(held, taker);
  }

  /** Takes what an activation holds already, whether it is free or not. OWH_BAD_ALLOCATION as tryTake(). */
  force(holding: Allocation, taker: Taker = COMPONENT): Permit {
    return this.#take(checked(holding), taker);
  }

  #roomFor(memoryMb: number, taker: Taker): number {
    const share = { shareMb: this.conductorMemoryMb, held: this.#conductors, leavesRoom: this.leavesRoom };
    return roomForConductor(share, conductorOf(memoryMb, taker));
  }

  #take(held: Allocation, taker: Taker): Permit {
    this.#move(held, taker, 1);
    let released = false;
    return {
      held,
      release: () => {
        if (released) return;
        released = true;
        this.#move(held, taker, -1);
      },
    };
  }

  #move({ cpuCores, memoryMb }: Allocation, taker: Taker, sign: 1 | -1): void {
    this.#cpuCores = roundAmount(this.#cpuCores + sign * cpuCores);
    this.#memoryMb = roundAmount(this.#memoryMb + sign * memoryMb);
    if (taker.conductor) this.#conductors = withConductor(this.#conductors, conductorOf(memoryMb, taker), sign);
    this.#holders += sign;
  }
}

/** A taker as conductor-room sees it. */
export function conductorOf(memoryMb: number, { namespace, run }: Taker): Conductor {
  return { memoryMb, ...(namespace !== undefined && { namespace }), ...(run && { level: run.level }) };
}

function left(capacity: number, held: number): number {
  return Math.max(0, roundAmount(capacity - held));
}

function checked({ cpuCores, memoryMb }: Allocation): Allocation {
  const amounts = { cpuCores: roundAmount(cpuCores), memoryMb: roundAmount(memoryMb) };
  if (!(amounts.cpuCores >= 0 && amounts.memoryMb >= 0 && Number.isFinite(amounts.cpuCores + amounts.memoryMb)))
    throw new HarvestError("OWH_BAD_ALLOCATION", `Permits must not be negative: ${amounts.cpuCores} cores, ${amounts.memoryMb} MB.`);
  return amounts;
}
