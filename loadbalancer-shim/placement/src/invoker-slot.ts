/** One invoker in the placer: its permits, its own queue, its health, and the immutable view of it that policies see. */
import type { Allocation } from "@openwhisk-harvest/core";
import { InvokerPermits, type PermitOptions } from "./permits.js";
import type { InvokerView } from "./policy.js";
import { WaitingLine } from "./waiting-line.js";

export class InvokerSlot<T extends object> {
  readonly id: number;
  readonly permits: InvokerPermits;
  readonly queue: WaitingLine<T>;
  healthy = true;
  /** Its place in the order of ids. */
  index = 0;

  constructor(id: number, capacity: Allocation, options: PermitOptions, shareOf: (namespace: string) => number) {
    this.id = id;
    this.permits = new InvokerPermits(capacity, options);
    this.queue = new WaitingLine<T>(shareOf);
  }

  view(): InvokerView {
    const { id, healthy, permits, queue } = this;
    return {
      id,
      healthy,
      inFlight: permits.holders + queue.length,
      free: permits.free(),
      capacity: permits.most(),
      forConductors: {
        free: permits.free(true),
        capacity: permits.most(true),
        held: permits.conductors,
        leavesRoom: permits.leavesRoom,
      },
    };
  }
}
