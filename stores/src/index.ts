export * from "./logger.js";
export * from "./redis-allocation-store.js";
export * from "./redis-process.js";
