import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, resolve } from "node:path";
import { gridOf, systemClock } from "@openwhisk-harvest/core";
import { evaluateFamilies, renderEvaluationPage, renderEvaluationTable } from "@openwhisk-harvest/profiler";
import { openStores } from "@openwhisk-harvest/stores";
import type { Command } from "commander";
import { readDag } from "../dags.js";
import { createProgress } from "../progress.js";
import { readStackFile } from "../stack-file.js";
import { type ConfigFlags, configFrom, wholeNumber, withConfigOptions } from "./options.js";

interface EvaluateFlags extends ConfigFlags {
  readonly seed: number;
  readonly json?: boolean;
  readonly page: string;
}

/** `harvest evaluate <dag>`: the paper's six families of models (4.3, Appendix C). */
export function addEvaluateVerb(program: Command): void {
  withConfigOptions(program.command("evaluate <dag>").description("Compare six families of models on a DAG's profiles, as the paper does"))
    .option("--seed <number>", "of the split and of whatever a family draws", wholeNumber, 42)
    .option("--page <file>", "where the figures are drawn", "harvest-out/evaluation.html")
    .option("--json", "print one JSON object and nothing else on standard output")
    .action(evaluate);
}

async function evaluate(name: string, flags: EvaluateFlags): Promise<void> {
  const config = configFrom(flags);
  const dag = await readDag(readStackFile(config.dataDir), name);
  const stores = openStores({ couchdbUrl: config.couchdb.url, dataDir: config.dataDir });
  try {
    const step = createProgress(process.stderr, systemClock).step(`evaluate ${name}`, 6);
    const evaluation = await evaluateFamilies({
      profiles: stores.profiles.ofDag(dag.namespace, dag.name),
      dag,
      grid: gridOf(config, availableParallelism()),
      seed: flags.seed,
      clock: systemClock,
      onProgress: ({ done }) => step.advance(done),
    });
    const page = resolve(flags.page);
    mkdirSync(dirname(page), { recursive: true });
    writeFileSync(page, renderEvaluationPage([evaluation]));
    step.finish(`figures: ${page}`);
    process.stdout.write(flags.json ? `${JSON.stringify(evaluation)}\n` : `${renderEvaluationTable(evaluation)}\n`);
  } finally {
    await stores.close();
  }
}
