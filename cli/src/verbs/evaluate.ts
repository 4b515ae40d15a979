import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, resolve } from "node:path";
import { gridOf, systemClock } from "@openwhisk-harvest/core";
import {
  type DagEvaluation,
  evaluateFamilies,
  ML2_FEATURES,
  type Ml2Features,
  renderEvaluationPage,
  renderEvaluationTable,
  TRAINERS_AND_FAMILIES,
} from "@openwhisk-harvest/profiler";
import { openStores } from "@openwhisk-harvest/stores";
import { type Command, Option } from "commander";
import { readDag } from "../dags.js";
import { createProgress } from "../progress.js";
import { readStackFile } from "../stack-file.js";
import { type ConfigFlags, configFrom, wholeNumber, withConfigOptions } from "./options.js";

interface EvaluateFlags extends ConfigFlags {
  readonly seed: number;
  readonly json?: boolean;
  readonly page: string;
  readonly ml2Features: Ml2Features;
}

/** `harvest evaluate <dag...>`: the paper's six families of models (4.3, Appendix C), and the two trainers. */
export function addEvaluateVerb(program: Command): void {
  withConfigOptions(
    program.command("evaluate <dags...>").description("Compare families of models on the profiles of one or more DAGs, as the paper does"),
  )
    .option("--seed <number>", "of the split and of whatever a family draws", wholeNumber, 42)
    .addOption(new Option("--ml2-features <which>", "what ML2 is told").choices(ML2_FEATURES).default(ML2_FEATURES[0]))
    .option("--page <file>", "where the figures are drawn", "harvest-out/evaluation.html")
    .option("--json", "print one JSON object and nothing else on standard output")
    .action(evaluate);
}

async function evaluate(names: readonly string[], flags: EvaluateFlags): Promise<void> {
  const config = configFrom(flags);
  const stack = readStackFile(config.dataDir);
  const stores = openStores({ couchdbUrl: config.couchdb.url, dataDir: config.dataDir });
  const progress = createProgress(process.stderr, systemClock);
  const evaluations: DagEvaluation[] = [];
  try {
    for (const name of names) {
      const dag = await readDag(stack, name);
      const step = progress.step(`evaluate ${name}`, TRAINERS_AND_FAMILIES.length);
      evaluations.push(
        await evaluateFamilies({
          profiles: stores.profiles.ofDag(dag.namespace, dag.name),
          dag,
          grid: gridOf(config, availableParallelism()),
          seed: flags.seed,
          ml2Features: flags.ml2Features,
          clock: systemClock,
          onProgress: ({ done }) => step.advance(done),
        }),
      );
      step.finish();
    }
  } finally {
    await stores.close();
  }
  const page = resolve(flags.page);
  mkdirSync(dirname(page), { recursive: true });
  writeFileSync(page, renderEvaluationPage(evaluations));
  process.stderr.write(`figures: ${page}\n`);
  process.stdout.write(flags.json ? `${JSON.stringify({ evaluations })}\n` : `${evaluations.map(renderEvaluationTable).join("\n")}\n`);
}
