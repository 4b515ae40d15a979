import { HarvestError } from "@openwhisk-harvest/core";
import type { Command } from "commander";
import { Connection } from "../connection/connection.js";
import { profileJob, type ToProfile, textOf } from "../profiling.js";
import { type ConfigFlags, configFrom, positiveNumber, wholeNumber, withConfigOptions } from "./options.js";

interface ProfileFlags extends ConfigFlags, ToProfile {
  readonly json?: boolean;
}

/** Of a shell's command that was stopped by Ctrl-C, so that nothing after `&&` goes on. */
const INTERRUPTED = 130;

/** `harvest profile <job>`; what is to run comes from the job's input generator. */
export function addProfileVerb(program: Command): void {
  withConfigOptions(
    program
      .command("profile <job>")
      .description("Run a job with inputs of different sizes at the maximum allocation and store what it used"),
  )
    .option("--runs <number>", "how many inputs, one run each", positiveNumber, 100)
    .option("--seed <number>", "of the generator", wholeNumber, 1)
    .option("--min-bytes <bytes>", "smallest input; the generator's own when absent", wholeNumber)
    .option("--max-bytes <bytes>", "largest input; the generator's own when absent", wholeNumber)
    .option("--resume", "go on with the same inputs where an interrupted profiling stopped")
    .option("--json", "print one JSON object and nothing else on standard output")
    .action(profile);
}

async function profile(jobFile: string, flags: ProfileFlags): Promise<void> {
  const { minBytes = 0, maxBytes = Number.POSITIVE_INFINITY } = flags;
  if (minBytes > maxBytes) throw new HarvestError("OWH_BAD_REQUEST", `--min-bytes ${minBytes} is above --max-bytes ${maxBytes}.`);
  const config = configFrom(flags);
  const profiled = await profileJob(new Connection(config), config, jobFile, flags);
  process.stdout.write(flags.json ? `${JSON.stringify(profiled)}\n` : textOf(profiled));
  if (profiled.nextIndex < profiled.inputs) process.exitCode = INTERRUPTED;
}
