/**
 * Round robin (paper, 4.5): the healthy invoker after the one chosen before, in a cycle, whatever its load; without
 * room the activation waits in that invoker's queue. An invoker that could never hold the activation is passed over.
 *
 * GreedyRR (same section): round robin places the first function of a composition, the others follow it to the same invoker.
 */
import { assign, couldEverFit, waitOrRefuse } from "./candidates.js";
import type { InvokerView, Placement, PlacementPolicy, PlacementRequest, PlacementState } from "./policy.js";

export const roundRobin: PlacementPolicy = {
  name: "round-robin",
  place(request, state) {
    const placement = takeTurn(request, state);
    return placement.kind === "place" || placement.kind === "queue" ? { ...placement, remember: false } : placement;
  },
};

export const greedyRr: PlacementPolicy = {
  name: "greedy-rr",
  place(request, state) {
    const { cached, step } = state;
    if (cached && couldEverFit(request, cached)) return assign(request, cached, step, "cached");
    return takeTurn(request, state);
  },
};

function takeTurn(request: PlacementRequest, { invokers, previousTurn, step }: PlacementState): Placement {
  const next = nextInTurn(request, invokers, previousTurn);
  return next ? assign(request, next, step, "next-in-turn") : waitOrRefuse(request, invokers);
}

function nextInTurn(request: PlacementRequest, invokers: readonly InvokerView[], previousTurn = Number.NEGATIVE_INFINITY) {
  let first: InvokerView | undefined;
  for (const invoker of invokers) {
    if (!couldEverFit(request, invoker)) continue;
    if (invoker.id > previousTurn) return invoker;
    first ??= invoker;
  }
  return first;
}
