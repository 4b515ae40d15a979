/**
 * The CPU and memory permits of one invoker (paper, section 3.6.1, "Modifying the Semaphore Lock for CPU and Memory Permits").
 *
 * Invariants, cited by the tests:
 *  P1 CPU and memory are taken together and given back together; there is no state in which one holder has half.
 *  P2 What is free is never negative and never above the capacity.
 *  P3 A permit gives back exactly what it took, once; giving it back again changes nothing.
 *  P4 Conductors together never hold more memory than their share, so that conductors that wait for their branches always
 *     leave room for the components they wait for (DESIGN, section 7).
 *  P5 Sums are exact: amounts have six decimals, and after the last permit has come back the whole capacity is free.
 */
import { type Allocation, HarvestError, roundAmount } from "@openwhisk-harvest/core";

export interface Permit {
  readonly held: Allocation;
  readonly conductor: boolean;
  release(): void;
}

export class InvokerPermits {
  readonly capacity: Allocation;
  readonly conductorMemoryMb: number;
  #cpuCores = 0;
  #memoryMb = 0;
  #conductorsHoldMb = 0;
  #holders = 0;

  constructor(capacity: Allocation, conductorMemoryShare: number) {
    this.capacity = capacity;
    this.conductorMemoryMb = roundAmount(capacity.memoryMb * conductorMemoryShare);
  }

  get holders(): number {
    return this.#holders;
  }

  /** What a component, or a conductor, could take now. */
  free(conductor = false): Allocation {
    const memoryMb = roundAmount(this.capacity.memoryMb - this.#memoryMb);
    return {
      cpuCores: roundAmount(this.capacity.cpuCores - this.#cpuCores),
      memoryMb: conductor ? Math.min(memoryMb, roundAmount(this.conductorMemoryMb - this.#conductorsHoldMb)) : memoryMb,
    };
  }

  /** The most that a component, or a conductor, could ever take. */
  most(conductor = false): Allocation {
    return conductor ? { cpuCores: this.capacity.cpuCores, memoryMb: this.conductorMemoryMb } : this.capacity;
  }

  /** Takes both or neither. OWH_BAD_ALLOCATION for amounts that are negative or no numbers. */
  tryTake(wanted: Allocation, conductor = false): Permit | undefined {
    const held = { cpuCores: roundAmount(wanted.cpuCores), memoryMb: roundAmount(wanted.memoryMb) };
    if (!(held.cpuCores >= 0 && held.memoryMb >= 0 && Number.isFinite(held.cpuCores + held.memoryMb)))
      throw new HarvestError("OWH_BAD_ALLOCATION", `Permits must not be negative: ${held.cpuCores} cores, ${held.memoryMb} MB.`);
    const free = this.free(conductor);
    if (held.cpuCores > free.cpuCores || held.memoryMb > free.memoryMb) return undefined;
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
