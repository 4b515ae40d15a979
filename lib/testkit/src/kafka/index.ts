export * from "./broker.js";
export * from "./openwhisk.js";
