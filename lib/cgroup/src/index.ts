export { type DetectOptions, detectEnforcement, type Enforcer } from "./detect.js";
export type { CgroupFs, OpenFile } from "./fs.js";
export type { ContainerGroup, Limits, MemoryLimits, Sample } from "./group.js";
export type { Host } from "./host.js";
export { type Monitor, type MonitorOptions, startMonitor } from "./monitor.js";
export { openGroup } from "./open-group.js";
export { limitsOfProcess } from "./process-limits.js";
export { type Usage, UsageAccumulator, type UsageSoFar } from "./usage.js";
