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
import { type Command, Option } from "commander";
import { Connection } from "../connection/connection.js";
import { createProgress } from "../progress.js";
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
  const connection = new Connection(config);
  const progress = createProgress(process.stderr, systemClock);
  const evaluations = await connection.withStores(async ({ profiles }) => {
    const done: DagEvaluation[] = [];
    for (const name of names) {
      const dag = await connection.dag(name);
      const step = progress.step(`evaluate ${name}`, TRAINERS_AND_FAMILIES.length);
      const evaluation = await evaluateFamilies({
        profiles: profiles.ofDag(dag.namespace, dag.name),
        dag,
        grid: gridOf(config, availableParallelism()),
        seed: flags.seed,
        ml2Features: flags.ml2Features,
        clock: systemClock,
        onProgress: ({ done: families }) => step.advance(families),
      });
      step.finish();
      done.push(evaluation);
    }
    return done;
  });
  const page = resolve(flags.page);
  mkdirSync(dirname(page), { recursive: true });
  writeFileSync(page, renderEvaluationPage(evaluations));
  process.stderr.write(`figures: ${page}\n`);
  process.stdout.write(flags.json ? `${JSON.stringify({ evaluations })}\n` : `${evaluations.map(renderEvaluationTable).join("\n")}\n`);
}
