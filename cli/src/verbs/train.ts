import { availableParallelism } from "node:os";
import { gridOf, HarvestError, type ModelDocument, systemClock } from "@openwhisk-harvest/core";
import { formatShare, TRAINERS, type Trainer, trainFromStores, trainIfDrifted } from "@openwhisk-harvest/profiler";
import type { Command } from "commander";
import { Connection } from "../connection/connection.js";
import { type ConfigFlags, configFrom, wholeNumber, withConfigOptions } from "./options.js";

interface TrainFlags extends ConfigFlags {
  readonly trainer?: string;
  readonly seed: number;
  readonly ifDrifted?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** `harvest train <dag>` */
export function addTrainVerb(program: Command): void {
  withConfigOptions(
    program.command("train <dag>").description("Train the models of a DAG from its profiles and store them as a new version"),
  )
    .option("--trainer <name>", `${TRAINERS.map((t) => t.name).join(" or ")}`, TRAINERS[0]?.name)
    .option("--seed <number>", "of the split and the forests", wholeNumber, 42)
    .option("--if-drifted", "only if runs since the last training lie outside of what its model promised")
    .option("--dry-run", "train and score, and store nothing")
    .option("--json", "print the model's document as JSON")
    .action(train);
}

async function train(name: string, flags: TrainFlags): Promise<void> {
  const config = configFrom(flags);
  const trainer = trainerNamed(flags.trainer);
  const connection = new Connection(config);
  const dag = await connection.dag(name);
  await connection.withStores(async ({ profiles, models: stored, pins }) => {
    const grid = gridOf(config, availableParallelism());
    const models = flags.dryRun ? { ...stored, put: async () => undefined } : stored;
    const task = { profiles, models, dag, grid, trainer, seed: flags.seed, createdAtMs: systemClock.nowMs() };
    const { reason, trained } = flags.ifDrifted ? await trainIfDrifted(task) : { reason: undefined, trained: await trainFromStores(task) };
    if (flags.json) return void process.stdout.write(`${JSON.stringify(trained?.model.document ?? { reason })}\n`);
    if (reason) process.stdout.write(`ok: ${trained ? "trained" : "not trained"}: ${reason}\n`);
    if (trained) process.stdout.write(describeModel(trained.model.document));
    const pinned = (await pins.get(dag.namespace, dag.name))?.model;
    if (flags.dryRun) process.stdout.write("ok: nothing was stored\n");
    else if (pinned) process.stdout.write(`ok: model ${pinned} stays in use, as pinned, until \`harvest rollback ${dag.name} --newest\`\n`);
  });
}

type Described = Pick<ModelDocument, "namespace" | "dag" | "version" | "trainer" | "scores">;

/** One line per target; CPU has a second one, against the demand. */
export function describeModel({ namespace, dag, version, trainer, scores }: Described): string {
  const lines = Object.entries(scores).flatMap(([target, { testSamples, demand, ...observed }]) => [
    `ok: ${target}: ${describeScore(observed)}, ${testSamples} test runs`,
    ...(demand ? [`ok: ${target}, against the demand instead of the observed peak: ${describeScore(demand)}`] : []),
  ]);
  return `${[`ok: ${namespace}/${dag} model ${version}, trained by ${trainer}`, ...lines].join("\n")}\n`;
}

type Score = Pick<ModelDocument["scores"][string], "meanAbsoluteError" | "accuracy" | "withinAllocation">;

function describeScore({ meanAbsoluteError, accuracy, withinAllocation }: Score): string {
  const parts = [`mean absolute error ${meanAbsoluteError.toPrecision(3)}`];
  if (accuracy !== undefined) parts.push(`accurate ${formatShare(accuracy)}`);
  if (withinAllocation !== undefined) parts.push(`within the allocation ${formatShare(withinAllocation)}`);
  return parts.join(", ");
}

function trainerNamed(name: string | undefined): Trainer {
  const trainer = TRAINERS.find((t) => t.name === name);
  if (trainer) return trainer;
  const known = TRAINERS.map((t) => t.name).join(", ");
  throw new HarvestError("OWH_BAD_REQUEST", `No trainer is called ${JSON.stringify(name)}; there are ${known}.`);
}
