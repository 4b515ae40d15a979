export * from "./balancer.js";
export * from "./composition-cache.js";
export * from "./grant.js";
export * from "./greedy-jsq.js";
export { jsq } from "./jsq.js";
export * from "./permits.js";
export * from "./policy.js";
export type { WarmthProbe } from "./waiting-line.js";
