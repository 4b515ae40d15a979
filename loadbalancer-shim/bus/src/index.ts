export * from "./cluster-topics.js";
export * from "./kafka-bus.js";
export * from "./run.js";
export * from "./settings.js";
export * from "./shim.js";
