/** All verbs of the `harvest` command, one thin file each. The reference (docs/reference/cli.md) is generated from this. */
import { Command } from "commander";
import { addCollectVerb } from "./verbs/collect.js";
import { addConfigVerb } from "./verbs/config.js";
import { addDecisionsVerb } from "./verbs/decisions.js";
import { addDemoVerb } from "./verbs/demo.js";
import { addDeployVerb } from "./verbs/deploy.js";
import { addDoctorVerb } from "./verbs/doctor.js";
import { addEvaluateVerb } from "./verbs/evaluate.js";
import { addExplainVerb } from "./verbs/explain.js";
import { addModeVerb } from "./verbs/mode.js";
import { addPauseVerbs } from "./verbs/pause.js";
import { addProfileVerb } from "./verbs/profile.js";
import { addRollbackVerb } from "./verbs/rollback.js";
import { addSidecarVerb } from "./verbs/sidecar.js";
import { addStatusVerb } from "./verbs/status.js";
import { addTrainVerb } from "./verbs/train.js";
import { addUpVerb } from "./verbs/up.js";

export function createProgram(): Command {
  const program = new Command("harvest")
    .description("Resource harvesting for the parallel stages of Apache OpenWhisk compositions")
    .version("0.1.0")
    .showHelpAfterError("(harvest --help tells more)");
  addDemoVerb(program);
  addUpVerb(program);
  addDeployVerb(program);
  addProfileVerb(program);
  addCollectVerb(program);
  addTrainVerb(program);
  addEvaluateVerb(program);
  addModeVerb(program);
  addPauseVerbs(program);
  addRollbackVerb(program);
  addStatusVerb(program);
  addDecisionsVerb(program);
  addExplainVerb(program);
  addSidecarVerb(program);
  addDoctorVerb(program);
  addConfigVerb(program);
  return program;
}
