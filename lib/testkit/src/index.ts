export * from "./cases.js";
export * from "./eventually.js";
export * from "./hand-clock.js";
export * from "./recording-logger.js";
export * from "./redis.js";
