export * from "./bench-inference.js";
export * from "./bench-storage.js";
export * from "./bench-training.js";
