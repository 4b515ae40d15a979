import { availableParallelism } from "node:os";
import { loadInputGenerator, readJob } from "@openwhisk-harvest/composer-plugin";
import { gridOf, HarvestError, stopSignal, systemClock } from "@openwhisk-harvest/core";
import { type ProfilingSummary, profileDag } from "@openwhisk-harvest/profiler";
import { openStores } from "@openwhisk-harvest/stores";
import type { Command } from "commander";
import { withAllocations } from "../allocations.js";
import { readDag } from "../dags.js";
import { ProfilingState } from "../profiling-state.js";
import { createProgress } from "../progress.js";
import { type ConfigFlags, configFrom, connect, positiveNumber, wholeNumber, withConfigOptions } from "./options.js";

interface ProfileFlags extends ConfigFlags {
  readonly runs: number;
  readonly seed: number;
  readonly minBytes?: number;
  readonly maxBytes?: number;
  readonly resume?: boolean;
  readonly json?: boolean;
}

/** Of a shell's command that was stopped by Ctrl-C: whoever goes on with `&&` must not. */
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
  const { stack, client } = connect(config);
  const job = readJob(jobFile);
  const dag = await readDag(stack, job.name);
  const generate = await loadInputGenerator(job);
  const inputs = generate({ ...flags, count: flags.runs });
  const state = new ProfilingState(config.dataDir, dag, inputs);
  const from = flags.resume ? state.resume() : { nextIndex: 0, failed: [] };
  const stores = openStores({ couchdbUrl: config.couchdb.url, dataDir: config.dataDir });
  try {
    const interrupt = new AbortController();
    void stopSignal().then(() => interrupt.abort());
    const step = createProgress(process.stderr, systemClock).step(`profile ${job.name}`, inputs.length);
    const summary = await withAllocations(config, (allocations) =>
      profileDag({
        client,
        dag,
        inputs,
        allocations,
        profiles: stores.profiles,
        grid: gridOf(config, availableParallelism()),
        clock: systemClock,
        firstIndex: from.nextIndex,
        onProgress: ({ done, etaMs }) => step.advance(done, etaMs),
        onRunDone: ({ nextIndex, failed }) => state.write({ nextIndex, failed: [...from.failed, ...failed] }),
        signal: interrupt.signal,
      }),
    );
    step.finish();
    const told = { ...summary, failed: [...from.failed, ...summary.failed], inputs: inputs.length };
    if (summary.nextIndex === inputs.length) state.clear();
    else state.write(told);
    process.stdout.write(flags.json ? `${JSON.stringify(told)}\n` : describe(told));
    if (summary.nextIndex < inputs.length) process.exitCode = INTERRUPTED;
  } finally {
    await stores.close();
  }
}

interface Told extends Pick<ProfilingSummary, "nextIndex" | "profiles"> {
  readonly failed: readonly { readonly index: number; readonly reason: string }[];
  readonly inputs: number;
}

function describe({ failed, inputs, nextIndex, profiles }: Told): string {
  return [
    ...failed.map(({ index, reason }) => `failed: input ${index + 1}: ${reason}\n`),
    ...(nextIndex < inputs ? [`stopped: ${inputs - nextIndex} inputs are left; go on with --resume\n`] : []),
    `ok: ${profiles} profiles stored; ${nextIndex} of ${inputs} inputs have run, ${failed.length} failed\n`,
  ].join("");
}
