/** Looking at invokers, as every policy does it: which has room, which could ever have it, and what each offered. */
import type { Allocation } from "@openwhisk-harvest/core";
import { holdsDepth, roomForConductor } from "./conductor-room.js";
import { fitPermits } from "./fit.js";
import { conductorOf } from "./permits.js";
import type { Candidate, InvokerView, Placement, PlacementReason, PlacementRequest, PlacementState, Room } from "./policy.js";
import type { Delay } from "./waiting-line.js";

export function roomFor(request: PlacementRequest, invoker: InvokerView): Room {
  if (!request.conductor) return invoker;
  const { forConductors } = invoker;
  const memoryMb = Math.min(forConductors.free.memoryMb, conductorsLeave(request, forConductors));
  return { free: { cpuCores: forConductors.free.cpuCores, memoryMb }, capacity: forConductors.capacity };
}

function conductorsLeave(request: PlacementRequest, { capacity, held, leavesRoom }: InvokerView["forConductors"]): number {
  const share = { shareMb: capacity.memoryMb, held, leavesRoom };
  return roomForConductor(share, conductorOf(request.atLeast.memoryMb, request));
}

/** What the invoker would give now; undefined when it is not healthy, has no room, or could not hold what is nested in the run. */
export function permitsAt(request: PlacementRequest, invoker: InvokerView, step: Allocation): Allocation | undefined {
  return invoker.healthy && isDeepEnough(request, invoker) ? fitPermits(request, roomFor(request, invoker).free, step) : undefined;
}

/** Whether the invoker is healthy and, empty, could hold the least that the request accepts. */
export function couldEverFit(request: PlacementRequest, invoker: InvokerView): boolean {
  return invoker.healthy && isLargeEnough(request, invoker) && isDeepEnough(request, invoker);
}

function isLargeEnough({ conductor, atLeast }: PlacementRequest, invoker: InvokerView): boolean {
  const { capacity } = conductor ? invoker.forConductors : invoker;
  return atLeast.cpuCores <= capacity.cpuCores && atLeast.memoryMb <= capacity.memoryMb;
}

function isDeepEnough({ run, atLeast }: PlacementRequest, { forConductors }: InvokerView): boolean {
  return run?.depth === undefined || holdsDepth(forConductors.capacity.memoryMb, atLeast.memoryMb, run.depth);
}

/** The answer when no invoker has room: wait, unless none of them ever will. */
export function waitOrRefuse(request: PlacementRequest, invokers: readonly InvokerView[]): Placement {
  const healthy = invokers.filter((invoker) => invoker.healthy);
  if (healthy.some((invoker) => couldEverFit(request, invoker))) return { kind: "wait" };
  if (healthy.length === 0) return { kind: "refuse", reason: "no-healthy-invoker" };
  const isLarge = !healthy.some((invoker) => isLargeEnough(request, invoker));
  return { kind: "refuse", reason: isLarge ? "larger-than-every-invoker" : "nested-too-deep" };
}

/** Why a request has to wait that could fit somewhere. */
export function delayOf(request: PlacementRequest, invokers: readonly InvokerView[]): Delay {
  const able = invokers.filter((invoker) => couldEverFit(request, invoker));
  if (request.conductor) return able.some((invoker) => isHeldByItsShare(request, invoker)) ? "own-share" : "no-room";
  return able.length > 0 && able.every((invoker) => isHeldByConductors(request, invoker)) ? "conductors" : "no-room";
}

function isHeldByItsShare(request: PlacementRequest, { forConductors }: InvokerView): boolean {
  const room = conductorsLeave(request, { ...forConductors, leavesRoom: false });
  return forConductors.leavesRoom && request.atLeast.memoryMb <= Math.min(forConductors.free.memoryMb, room);
}

/** Waiting conductors may hold all their share until what they wait for has ended. */
function isHeldByConductors({ atLeast }: PlacementRequest, { capacity, forConductors }: InvokerView): boolean {
  return atLeast.memoryMb > capacity.memoryMb - forConductors.capacity.memoryMb;
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
