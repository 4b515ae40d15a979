/** The `harvest` command: one thin file per verb. */
import { HarvestError, messageOf } from "@openwhisk-harvest/core";
import { Command } from "commander";
import { addConfigVerb } from "./verbs/config.js";
import { addDemoVerb } from "./verbs/demo.js";
import { addDeployVerb } from "./verbs/deploy.js";
import { addEvaluateVerb } from "./verbs/evaluate.js";
import { addExplainVerb } from "./verbs/explain.js";
import { addModeVerb } from "./verbs/mode.js";
import { addProfileVerb } from "./verbs/profile.js";
import { addTrainVerb } from "./verbs/train.js";
import { addUpVerb } from "./verbs/up.js";

const program = new Command("harvest")
  .description("Resource harvesting for the parallel stages of Apache OpenWhisk compositions")
  .version("0.1.0")
  .showHelpAfterError("(harvest --help tells more)");

addDemoVerb(program);
addUpVerb(program);
addDeployVerb(program);
addProfileVerb(program);
addTrainVerb(program);
addEvaluateVerb(program);
addModeVerb(program);
addExplainVerb(program);
addConfigVerb(program);

try {
  await program.parseAsync();
} catch (error) {
  const code = error instanceof HarvestError ? ` (${error.code})` : "";
  process.stderr.write(`error: ${messageOf(error)}${code}\n`);
  process.exitCode = 1;
}
