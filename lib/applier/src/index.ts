export * from "./limited-container.js";
export { Node, type NodeOptions } from "./node.js";
export type { PlanSource } from "./plans.js";
export * from "./pure.js";
export { Reporter, type ReportStore } from "./reporter.js";
export { type EndedRun, LENT_CPU_CORES, type Run, type RunStart } from "./run.js";
export { type Circumstances, TermsResolver, type TermsResolverOptions } from "./terms-resolver.js";
