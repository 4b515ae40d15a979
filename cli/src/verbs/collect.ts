import { availableParallelism } from "node:os";
import { gridOf, systemClock } from "@openwhisk-harvest/core";
import { collectRuns } from "@openwhisk-harvest/profiler";
import type { Command } from "commander";
import { Connection } from "../connection/connection.js";
import { type ConfigFlags, configFrom, wholeNumber, withConfigOptions } from "./options.js";

interface CollectFlags extends ConfigFlags {
  readonly since: number;
  readonly json?: boolean;
}

/** `harvest collect <dag>`: ordinary runs become profiles, too. `harvest up` does the same by itself. */
export function addCollectVerb(program: Command): void {
  withConfigOptions(program.command("collect <dag>").description("Make profiles of a DAG's ordinary runs; no run is stored twice"))
    .option("--since <minutes>", "how far to go back", wholeNumber, 60)
    .option("--json", "print one JSON object and nothing else on standard output")
    .action(collect);
}

async function collect(name: string, flags: CollectFlags): Promise<void> {
  const config = configFrom(flags);
  const connection = new Connection(config);
  const client = await connection.client();
  const dag = await connection.dag(name);
  const sinceMs = systemClock.nowMs() - flags.since * 60_000;
  const grid = gridOf(config, availableParallelism());
  const collected = await connection.withStores(({ decisions, profiles }) =>
    collectRuns({ client, dag, decisions, profiles, grid, sinceMs }),
  );
  const { runs, profiles: stored, undecided, leftOut } = collected;
  const text = `ok: ${stored} profiles of ${runs} runs; ${undecided} runs without a decision, ${leftOut} function runs left out\n`;
  process.stdout.write(flags.json ? `${JSON.stringify(collected)}\n` : text);
}
