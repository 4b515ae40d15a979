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
import { type ConfigFlags, configFrom, connect, withConfigOptions } from "./options.js";

interface ProfileFlags extends ConfigFlags {
  readonly count: string;
  readonly seed: string;
  readonly minBytes: string;
  readonly maxBytes: string;
}

/** `harvest profile <job> --inputs input.js` */
export function addProfileVerb(program: Command): void {
  withConfigOptions(
    program
      .command("profile <job>")
      .description("Run a job with inputs of different sizes at the maximum allocation and store what it used"),
  )
    .option("--count <number>", "how many inputs", "100")
    .option("--seed <number>", "of the generator", "1")
    .option("--min-bytes <bytes>", "smallest input", "6000")
    .option("--max-bytes <bytes>", "largest input", "200000")
    .action(profile);
}

async function profile(jobFile: string, flags: ProfileFlags): Promise<void> {
  const config = configFrom(flags);
  const { stack, client } = connect(config);
  const job = readJob(jobFile);
  const dag = await readDag(stack, job.name);
  const generate = await loadInputGenerator(job);
  const [count, seed, minBytes, maxBytes] = [flags.count, flags.seed, flags.minBytes, flags.maxBytes].map(Number) as [
    number,
    number,
    number,
    number,
  ];
  const inputs = generate({ count, seed, minBytes, maxBytes });
  const stores = openStores({ couchdbUrl: config.couchdb.url, dataDir: config.dataDir });
  try {
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
        onProgress: ({ done }) => step.advance(done),
      }),
    );
    step.finish();
    for (const { index, reason } of summary.failed) process.stdout.write(`failed: input ${index + 1}: ${reason}\n`);
    process.stdout.write(`ok: ${summary.profiles} profiles of ${inputs.length} runs, ${summary.failed.length} failed\n`);
  } finally {
    await stores.close();
  }
}
