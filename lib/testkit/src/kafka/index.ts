export * from "./broker.js";
export * from "./compositions.js";
export * from "./openwhisk.js";
