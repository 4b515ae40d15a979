/** The placement policies that a configuration may name (paper, Algorithm 2 and 4.5); what they do is loadbalancer-shim's. */
export const PLACEMENTS = ["greedy-jsq", "exact", "jsq", "round-robin", "greedy-rr", "hash"] as const;
export type PlacementName = (typeof PLACEMENTS)[number];
