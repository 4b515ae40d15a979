/** The placement policies by the names that configurations use. */
import { type PlacementName, type Rng, seededRng } from "@openwhisk-harvest/core";
import { exact, greedyJsq } from "./greedy-jsq.js";
import { hashPlacement } from "./hash-placement.js";
import { jsq } from "./jsq.js";
import type { PlacementPolicy } from "./policy.js";
import { greedyRr, roundRobin } from "./round-robin.js";

/** `rng` picks the overloaded invoker of hash placement. */
export function placementPolicy(name: PlacementName, rng: Rng = seededRng(1)): PlacementPolicy {
  const policies: Readonly<Record<PlacementName, PlacementPolicy>> = {
    "greedy-jsq": greedyJsq,
    exact,
    jsq,
    "round-robin": roundRobin,
    "greedy-rr": greedyRr,
    hash: hashPlacement(rng),
  };
  return policies[name];
}
