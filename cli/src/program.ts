/**
 * All verbs of the `harvest` command, one thin file each, loaded when it is asked for: what a verb imports costs the others no time.
 * The reference (docs/reference/cli.md) is generated from this.
 */
import { Command } from "commander";

type AddVerb = (program: Command) => void;

interface VerbFile {
  readonly verbs: readonly string[];
  readonly load: () => Promise<AddVerb>;
}

const FILES: readonly VerbFile[] = [
  { verbs: ["demo"], load: async () => (await import("./verbs/demo.js")).addDemoVerb },
  { verbs: ["up"], load: async () => (await import("./verbs/up.js")).addUpVerb },
  { verbs: ["connect"], load: async () => (await import("./verbs/connect.js")).addConnectVerb },
  { verbs: ["deploy"], load: async () => (await import("./verbs/deploy.js")).addDeployVerb },
  { verbs: ["invoke"], load: async () => (await import("./verbs/invoke.js")).addInvokeVerb },
  { verbs: ["profile"], load: async () => (await import("./verbs/profile.js")).addProfileVerb },
  { verbs: ["collect"], load: async () => (await import("./verbs/collect.js")).addCollectVerb },
  { verbs: ["train"], load: async () => (await import("./verbs/train.js")).addTrainVerb },
  { verbs: ["evaluate"], load: async () => (await import("./verbs/evaluate.js")).addEvaluateVerb },
  { verbs: ["mode"], load: async () => (await import("./verbs/mode.js")).addModeVerb },
  { verbs: ["pause", "resume"], load: async () => (await import("./verbs/pause.js")).addPauseVerbs },
  { verbs: ["rollback"], load: async () => (await import("./verbs/rollback.js")).addRollbackVerb },
  { verbs: ["status"], load: async () => (await import("./verbs/status.js")).addStatusVerb },
  { verbs: ["decisions"], load: async () => (await import("./verbs/decisions.js")).addDecisionsVerb },
  { verbs: ["explain"], load: async () => (await import("./verbs/explain.js")).addExplainVerb },
  { verbs: ["prune"], load: async () => (await import("./verbs/prune.js")).addPruneVerb },
  { verbs: ["sidecar"], load: async () => (await import("./verbs/sidecar.js")).addSidecarVerb },
  { verbs: ["shim"], load: async () => (await import("./verbs/shim.js")).addShimVerb },
  { verbs: ["doctor"], load: async () => (await import("./verbs/doctor.js")).addDoctorVerb },
  { verbs: ["config"], load: async () => (await import("./verbs/config.js")).addConfigVerb },
];

/** Of the first word after `harvest`: none of them needs a verb's file. */
const WITHOUT_VERBS = ["--version", "-V"];

/** `word`: the first after `harvest`. The verb that it names is loaded, or all for any other word, and without one. */
export async function createProgram(word?: string): Promise<Command> {
  const program = new Command("harvest")
    .description("Resource harvesting for the parallel stages of Apache OpenWhisk compositions")
    .version("0.1.0")
    .showHelpAfterError("(harvest --help tells more)");
  for (const add of await Promise.all(filesFor(word).map(({ load }) => load()))) add(program);
  return program;
}

function filesFor(word: string | undefined): readonly VerbFile[] {
  if (word !== undefined && WITHOUT_VERBS.includes(word)) return [];
  const named = FILES.filter(({ verbs }) => word !== undefined && verbs.includes(word));
  return named.length > 0 ? named : FILES;
}
