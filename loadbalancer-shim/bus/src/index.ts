export * from "./kafka-bus.js";
export * from "./settings.js";
export * from "./shim.js";
