export * from "./action-container.js";
export * from "./agents-image.js";
export * from "./engine.js";
export * from "./image.js";
