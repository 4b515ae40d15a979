/** Run: agents inside stock runtime images, and the node agent that applies allocations (architecture, 3). */
export { installAgents, invokerSettings, MOUNT_POINT } from "./install.js";
export { type NodeAgent, type NodeAgentOptions, startNodeAgent } from "./node-agent/start.js";
