export type { Logger } from "./container/logger.js";
export * from "./messages.js";
export { type Standalone, type StandaloneOptions, startStandalone } from "./server.js";
