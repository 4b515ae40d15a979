/** What needs no I/O: the same functions serve the live node, the simulator and the tests. */
export * from "./belief.js";
export * from "./hold.js";
export * from "./limit-history.js";
export * from "./node-budget.js";
export * from "./terms.js";
