/**
 * Join-shortest-queue (paper, 4.5): of the healthy invokers with room, the one with the fewest activations in
 * flight. Ties: warm before cold, then the lowest id. Room wanted is never traded for a shorter queue.
 */
import { permitsAt, waitOrRefuse } from "./candidates.js";
import type { InvokerView, Placement, PlacementPolicy, PlacementRequest, PlacementState } from "./policy.js";

export const jsq: PlacementPolicy = { name: "jsq", place: joinShortestQueue };

export function joinShortestQueue(request: PlacementRequest, state: PlacementState): Placement {
  const { invokers, step, isWarm } = state;
  let best: InvokerView | undefined;
  let bestIsWarm = false;
  for (const invoker of invokers) {
    const longer = best !== undefined && invoker.inFlight > best.inFlight;
    const ties = best !== undefined && invoker.inFlight === best.inFlight;
    if (longer || (ties && (bestIsWarm || !isWarm(invoker.id))) || !permitsAt(request, invoker, step)) continue;
    best = invoker;
    bestIsWarm = isWarm(invoker.id);
  }
  const permits = best && permitsAt(request, best, step);
  if (!best || !permits) return waitOrRefuse(request, invokers);
  return { kind: "place", invoker: best.id, permits, why: "shortest-queue", remember: false };
}
