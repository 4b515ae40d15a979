export * from "./hold-timer.js";
export * from "./pure.js";
