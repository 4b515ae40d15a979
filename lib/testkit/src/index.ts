/** What costs no time to load. Servers have entries of their own. */
export * from "./cases.js";
export * from "./eventually.js";
export * from "./hand-clock.js";
export * from "./heap.js";
export * from "./ids.js";
export * from "./recording-logger.js";
