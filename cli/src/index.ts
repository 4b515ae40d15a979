export { type DemoReport, type PhaseSummary, summarizePhase } from "./demo/report.js";
export { type DemoOptions, type DemoSize, FULL_DEMO, QUICK_DEMO, runDemo } from "./demo/run.js";
export { deploySettings } from "./deploy-settings.js";
export { loadInputGenerator } from "./inputs.js";
export { createProgress, type Progress } from "./progress.js";
export { signingKeyFor } from "./signing-secret.js";
export { type Stack, type StackOptions, startStack } from "./stack.js";
export { writeStackFile } from "./stack-file.js";
