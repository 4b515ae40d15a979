import { availableParallelism } from "node:os";
import { readJob } from "@openwhisk-harvest/composer-plugin";
import { gridOf, systemClock } from "@openwhisk-harvest/core";
import { profileDag } from "@openwhisk-harvest/profiler";
import { openStores } from "@openwhisk-harvest/stores";
import type { Command } from "commander";
import { withAllocations } from "../allocations.js";
import { readDag } from "../dags.js";
import { loadInputGenerator } from "../inputs.js";
import { createProgress } from "../progress.js";
import { type ConfigFlags, configFrom, connect, wholeNumber, withConfigOptions } from "./options.js";
import { stopSignal } from "./up.js";

interface ProfileFlags extends ConfigFlags {
  readonly count: number;
  readonly seed: number;
  readonly minBytes?: number;
  readonly maxBytes?: number;
  readonly from: number;
}

/** `harvest profile <job> --inputs input.js` */
export function addProfileVerb(program: Command): void {
  withConfigOptions(
    program
      .command("profile <job>")
      .description("Run a job with inputs of different sizes at the maximum allocation and store what it used"),
  )
    .option("--count <number>", "how many inputs", wholeNumber, 100)
    .option("--seed <number>", "of the generator", wholeNumber, 1)
    .option("--min-bytes <bytes>", "smallest input; the generator's own when absent", wholeNumber)
    .option("--max-bytes <bytes>", "largest input; the generator's own when absent", wholeNumber)
    .option("--from <number>", "go on with this input after an interruption", wholeNumber, 1)
    .action(profile);
}

async function profile(jobFile: string, flags: ProfileFlags): Promise<void> {
  const config = configFrom(flags);
  const { stack, client } = connect(config);
  const job = readJob(jobFile);
  const dag = await readDag(stack, job.name);
  const generate = await loadInputGenerator(job);
  const inputs = generate(flags);
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
        firstIndex: Math.max(0, flags.from - 1),
        onProgress: ({ done }) => step.advance(done),
        signal: interrupt.signal,
      }),
    );
    step.finish();
    for (const { index, reason } of summary.failed) process.stdout.write(`failed: input ${index + 1}: ${reason}\n`);
    if (interrupt.signal.aborted) process.stdout.write(`stopped: go on with --from ${summary.nextIndex + 1}\n`);
    process.stdout.write(`ok: ${summary.profiles} profiles of ${inputs.length} runs, ${summary.failed.length} failed\n`);
  } finally {
    await stores.close();
  }
}
