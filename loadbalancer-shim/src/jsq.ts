/**
 * Join-shortest-queue (paper, section 4.5): of the healthy invokers with room, the one with the fewest activations in
 * flight. Ties: warm before cold, then the lowest id. Room wanted is never traded for a shorter queue.
 */
import { fitGrant } from "./grant.js";
import type { Candidate, InvokerView, Placement, PlacementPolicy, PlacementRequest, PlacementState } from "./policy.js";

export const jsq: PlacementPolicy = {
  name: "jsq",
  place: (request, state) => joinShortestQueue(request, state, candidatesOf(request, state)),
};

/** What every invoker offers for the request. */
export function candidatesOf(request: PlacementRequest, { invokers, step }: PlacementState): Candidate[] {
  return invokers.map(({ id, healthy, inFlight, free, warm }) => {
    const grant = healthy ? fitGrant(request, free, step) : undefined;
    return { invoker: id, queueLength: inFlight, warm, ...(grant && { grant }) };
  });
}

/** The decision of join-shortest-queue among candidates that have been worked out already. */
export function joinShortestQueue(request: PlacementRequest, state: PlacementState, candidates: readonly Candidate[]): Placement {
  const best = candidates.filter((c) => c.grant !== undefined).sort(byQueueThenWarmth)[0];
  if (best?.grant) return { kind: "place", invoker: best.invoker, grant: best.grant, why: "shortest-queue", remember: false, candidates };
  const healthy = state.invokers.filter((i) => i.healthy);
  if (healthy.length === 0) return { kind: "refuse", reason: "no-healthy-invoker", candidates };
  if (!healthy.some((i) => couldEverFit(request, i))) return { kind: "refuse", reason: "larger-than-every-invoker", candidates };
  return { kind: "wait", candidates };
}

function byQueueThenWarmth(a: Candidate, b: Candidate): number {
  return a.queueLength - b.queueLength || Number(b.warm) - Number(a.warm) || a.invoker - b.invoker;
}

function couldEverFit({ atLeast }: PlacementRequest, { capacity }: InvokerView): boolean {
  return atLeast.cpuCores <= capacity.cpuCores && atLeast.memoryMb <= capacity.memoryMb;
}
