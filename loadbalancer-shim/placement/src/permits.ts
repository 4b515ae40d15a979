/**
 * The CPU and memory permits of one invoker (paper, 3.6.1, "Modifying the Semaphore Lock for CPU and Memory Permits").
 *
 * Invariants, cited by the tests:
 * permits.P1  CPU and memory are taken together and given back together; there is no state in which one holder has
 *     half.
 * permits.P2  What is free is never negative and never above the capacity.
 * permits.P3  A permit gives back exactly what it took, once; giving it back again changes nothing.
 * permits.P4  Conductors together never hold more memory than their share, so that conductors that wait for their
 *     branches always leave room for the components they wait for (architecture, 7).
 * permits.P5  Sums are exact: amounts have six decimals, and after the last permit has come back the whole capacity is
 *     free.
 * permits.P6  What is held may exceed the capacity only by force() and resize(): work that runs already is never
 *     denied. Then nothing is free.
 */
import { type Allocation, HarvestError, roundAmount } from "@openwhisk-harvest/core";

export interface Permit {
  readonly held: Allocation;
  readonly conductor: boolean;
  release(): void;
}

export class InvokerPermits {
  readonly #conductorMemoryShare: number;
  #capacity: Allocation;
  #cpuCores = 0;
  #memoryMb = 0;
  #conductorsHoldMb = 0;
  #holders = 0;

  constructor(capacity: Allocation, conductorMemoryShare: number) {
    this.#capacity = capacity;
    this.#conductorMemoryShare = conductorMemoryShare;
  }

  get capacity(): Allocation {
    return this.#capacity;
  }

  get conductorMemoryMb(): number {
    return roundAmount(this.#capacity.memoryMb * this.#conductorMemoryShare);
  }

  /** An invoker came back with another size. */
  resize(capacity: Allocation): void {
    this.#capacity = capacity;
  }

  get holders(): number {
    return this.#holders;
  }

  /** What a component, or a conductor, could take now. */
  free(conductor = false): Allocation {
    const memoryMb = left(this.#capacity.memoryMb, this.#memoryMb);
    return {
      cpuCores: left(this.#capacity.cpuCores, this.#cpuCores),
      memoryMb: conductor ? Math.min(memoryMb, left(this.conductorMemoryMb, this.#conductorsHoldMb)) : memoryMb,
    };
  }

  /** The most that a component, or a conductor, could ever take. */
  most(conductor = false): Allocation {
    return conductor ? { cpuCores: this.#capacity.cpuCores, memoryMb: this.conductorMemoryMb } : this.#capacity;
  }

  /** Takes both or neither. OWH_BAD_ALLOCATION for amounts that are negative or no numbers. */
  tryTake(wanted: Allocation, conductor = false): Permit | undefined {
    const held = checked(wanted);
    const free = this.free(conductor);
    if (held.cpuCores > free.cpuCores || held.memoryMb > free.memoryMb) return undefined;
    return this.#take(held, conductor);
  }

  /** Takes what an activation holds already, whether it is free or not. OWH_BAD_ALLOCATION as tryTake(). */
  force(holding: Allocation, conductor = false): Permit {
    return this.#take(checked(holding), conductor);
  }

  #take(held: Allocation, conductor: boolean): Permit {
    this.#move(held, conductor, 1);
    let released = false;
    return {
      held,
      conductor,
      release: () => {
        if (released) return;
        released = true;
        this.#move(held, conductor, -1);
      },
    };
  }

  #move({ cpuCores, memoryMb }: Allocation, conductor: boolean, sign: 1 | -1): void {
    this.#cpuCores = roundAmount(this.#cpuCores + sign * cpuCores);
    this.#memoryMb = roundAmount(this.#memoryMb + sign * memoryMb);
    if (conductor) this.#conductorsHoldMb = roundAmount(this.#conductorsHoldMb + sign * memoryMb);
    this.#holders += sign;
  }
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
