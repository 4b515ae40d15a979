/**
 * GreedyJSQ (paper, Algorithm 2), in two forms.
 *
 * `exact` is the paper's. Line 6: the cached invoker, if it is healthy, whether it has room or not; without room the activation
 * waits in that invoker's queue, unless it is larger than the whole invoker. Lines 9 to 12: else join-shortest-queue over the in-flight counts, and its choice is cached.
 * Lines 14 to 18: when no invoker has room, wait for the NeedWork signal; the first invoker to send it (the first that gives
 * permits back which suffice) gets the activation and is cached. Line 20: the error, when none did before the deadline.
 *
 * `greedyJsq`, our default, differs in one rule: a cached invoker without room sends this one activation to
 * join-shortest-queue, and stays cached, for the composition's data is still there.
 */
import { assign, couldEverFit, permitsAt } from "./candidates.js";
import { joinShortestQueue } from "./jsq.js";
import type { Placement, PlacementPolicy, PlacementRequest, PlacementState } from "./policy.js";

export const exact: PlacementPolicy = {
  name: "exact",
  place(request, state) {
    if (state.cached && couldEverFit(request, state.cached)) return assign(request, state.cached, state.step, "cached");
    return joinAndRemember(request, state);
  },
};

export const greedyJsq: PlacementPolicy = {
  name: "greedy-jsq",
  place(request, state) {
    const { cached, step } = state;
    if (!cached?.healthy) return joinAndRemember(request, state);
    const permits = permitsAt(request, cached, step);
    if (permits) return { kind: "place", invoker: cached.id, permits, why: "cached", remember: true };
    const placement = joinShortestQueue(request, state);
    return placement.kind === "place" ? { ...placement, why: "overflow" } : placement;
  },
};

function joinAndRemember(request: PlacementRequest, state: PlacementState): Placement {
  const placement = joinShortestQueue(request, state);
  return placement.kind === "place" ? { ...placement, remember: request.cause !== undefined } : placement;
}
