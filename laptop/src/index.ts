/** laptop: all parts wired on one machine. */
export { type DemoFlags, type DemoParts, demo } from "./demo/demo.js";
export { type DemoReport, type PhaseSummary, summarizePhase } from "./demo/report.js";
export { type DemoOptions, type DemoSize, FULL_DEMO, QUICK_DEMO, runDemo } from "./demo/run.js";
export { type Stack, type StackOptions, startStack } from "./stack.js";
export { writeStackFile } from "./stack-file.js";
export { type UpOptions, up } from "./up.js";
