import { availableParallelism } from "node:os";
import { gridOf, HarvestError, systemClock } from "@openwhisk-harvest/core";
import { cartTrainer, mlRandomForestTrainer, type Trainer, trainFromStores } from "@openwhisk-harvest/profiler";
import { openStores } from "@openwhisk-harvest/stores";
import type { Command } from "commander";
import { readDag } from "../dags.js";
import { readStackFile } from "../stack-file.js";
import { type ConfigFlags, configFrom, withConfigOptions } from "./options.js";

interface TrainFlags extends ConfigFlags {
  readonly trainer?: string;
  readonly seed: string;
  readonly json?: boolean;
}

const TRAINERS: readonly Trainer[] = [cartTrainer, mlRandomForestTrainer];

/** `harvest train <dag>` */
export function addTrainVerb(program: Command): void {
  withConfigOptions(
    program.command("train <dag>").description("Train the models of a DAG from its profiles and store them as a new version"),
  )
    .option("--trainer <name>", `${TRAINERS.map((t) => t.name).join(" or ")}`, TRAINERS[0]?.name)
    .option("--seed <number>", "of the split and the forests", "42")
    .option("--json", "print the model's document as JSON")
    .action(async (name: string, flags: TrainFlags) => {
      const config = configFrom(flags);
      const dag = await readDag(readStackFile(config.dataDir), name);
      const stores = openStores({ couchdbUrl: config.couchdb.url, dataDir: config.dataDir });
      try {
        const { models, profiles } = stores;
        const { model } = await trainFromStores({
          profiles,
          models,
          dag,
          grid: gridOf(config, availableParallelism()),
          trainer: trainerNamed(flags.trainer),
          seed: Number(flags.seed),
          createdAtMs: systemClock.nowMs(),
        });
        const { version, scores, trainer } = model.document;
        if (flags.json) return void process.stdout.write(`${JSON.stringify(model.document)}\n`);
        process.stdout.write(`ok: ${dag.namespace}/${dag.name} model ${version}, trained by ${trainer}\n`);
        for (const [target, score] of Object.entries(scores)) {
          const accuracy = score.accuracy === undefined ? "" : `, accurate ${(score.accuracy * 100).toFixed(1)} %`;
          process.stdout.write(
            `ok: ${target}: mean absolute error ${score.meanAbsoluteError.toPrecision(3)}${accuracy}, ${score.testSamples} test runs\n`,
          );
        }
      } finally {
        await stores.close();
      }
    });
}

function trainerNamed(name: string | undefined): Trainer {
  const trainer = TRAINERS.find((t) => t.name === name);
  if (!trainer)
    throw new HarvestError(
      "OWH_BAD_REQUEST",
      `No trainer is called ${JSON.stringify(name)}; there are ${TRAINERS.map((t) => t.name).join(", ")}.`,
    );
  return trainer;
}
