export * from "./cases.js";
export * from "./eventually.js";
export * from "./hand-clock.js";
