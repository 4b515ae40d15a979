export type { Logger } from "./container/logger.js";
export type { EntityLimits, LimitRange } from "./entity-limits.js";
export * from "./messages.js";
export { type Standalone, type StandaloneOptions, startStandalone } from "./server.js";
