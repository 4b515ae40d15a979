/** Looking at invokers, as every policy does it: which has room, which could ever have it, and what each offered. */
import type { Allocation } from "@openwhisk-harvest/core";
import { fitPermits } from "./fit.js";
import type { Candidate, InvokerView, Placement, PlacementReason, PlacementRequest, PlacementState, Room } from "./policy.js";

export function roomFor(request: PlacementRequest, invoker: InvokerView): Room {
  return request.conductor ? invoker.forConductors : invoker;
}

/** What the invoker would give now; undefined when it is not healthy or has no room. */
export function permitsAt(request: PlacementRequest, invoker: InvokerView, step: Allocation): Allocation | undefined {
  return invoker.healthy ? fitPermits(request, roomFor(request, invoker).free, step) : undefined;
}

/** Whether the invoker is healthy and, empty, could hold the least that the request accepts. */
export function couldEverFit(request: PlacementRequest, invoker: InvokerView): boolean {
  const { capacity } = roomFor(request, invoker);
  return invoker.healthy && request.atLeast.cpuCores <= capacity.cpuCores && request.atLeast.memoryMb <= capacity.memoryMb;
}

/** The answer when no invoker has room: wait, unless none of them ever will. */
export function waitOrRefuse(request: PlacementRequest, invokers: readonly InvokerView[]): Placement {
  let healthy = false;
  for (const invoker of invokers) {
    if (couldEverFit(request, invoker)) return { kind: "wait" };
    healthy ||= invoker.healthy;
  }
  return { kind: "refuse", reason: healthy ? "larger-than-every-invoker" : "no-healthy-invoker" };
}

/** Assigns the request to one invoker, whether it has room now or has to be waited for. */
export function assign(request: PlacementRequest, invoker: InvokerView, step: Allocation, why: PlacementReason): Placement {
  const remember = request.cause !== undefined;
  const permits = permitsAt(request, invoker, step);
  return permits ? { kind: "place", invoker: invoker.id, permits, why, remember } : { kind: "queue", invoker: invoker.id, why, remember };
}

/** The explanation: what every invoker offered for the request. */
export function candidatesOf(request: PlacementRequest, { invokers, step, isWarm }: PlacementState): Candidate[] {
  return invokers.map((invoker) => {
    const permits = permitsAt(request, invoker, step);
    const { id, healthy, inFlight } = invoker;
    return { invoker: id, queueLength: inFlight, healthy, warm: isWarm(id), ...(permits && { permits }) };
  });
}
