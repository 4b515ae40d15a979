/**
 * GreedyJSQ (paper, Algorithm 2): the invoker that the composition cache has for the activation's `cause`, if it is
 * healthy; else join-shortest-queue, whose choice is cached for the rest of the composition.
 *
 * One difference to the paper, which returns the cached invoker whether it has room or not: here a cached invoker without
 * room sends this one activation to join-shortest-queue, and stays cached, for its data is still there.
 */
import { candidatesOf, joinShortestQueue } from "./jsq.js";
import type { PlacementPolicy } from "./policy.js";

export const greedyJsq: PlacementPolicy = {
  name: "greedy-jsq",
  place(request, state) {
    const candidates = candidatesOf(request, state);
    const cached = state.invokers.find((i) => i.id === state.cachedInvoker && i.healthy);
    const grant = cached && candidates.find((c) => c.invoker === cached.id)?.grant;
    if (cached && grant) return { kind: "place", invoker: cached.id, grant, why: "cached", remember: true, candidates };
    const placement = joinShortestQueue(request, state, candidates);
    if (placement.kind !== "place") return placement;
    if (cached) return { ...placement, why: "overflow" };
    return { ...placement, remember: request.cause !== undefined };
  },
};
