import { HarvestError, systemClock } from "@openwhisk-harvest/core";
import type { OpenWhiskClient } from "@openwhisk-harvest/profiler";
import { type DecisionRecord, explainDecision } from "@openwhisk-harvest/sidecar";
import type { Command } from "commander";
import { Connection } from "../connection/connection.js";
import { type FoundRun, findRun } from "../status/find-run.js";
import { withEndsFrom } from "../status/recorded-ends.js";
import { type ConfigFlags, configFrom, withConfigOptions } from "./options.js";

interface ExplainFlags extends ConfigFlags {
  readonly json?: boolean;
}

/** A run that has not ended is known by its steps, and looked for so far back. */
const RUNNING_WITHIN_MS = 3_600_000;

/** `harvest explain <id>`: a composition's activation id, R, or a decision's id. */
export function addExplainVerb(program: Command): void {
  withConfigOptions(program.command("explain <id>").description("Tell what was decided for a composition run, why, and what came of it"))
    .option("--json", "print the decision as JSON")
    .action(async (id: string, flags: ExplainFlags) => {
      const connection = new Connection(configFrom(flags));
      const client = await connection.client();
      const run = await runOf(client, id);
      const kept = await connection.ask<DecisionRecord>(`/v1/decisions/${encodeURIComponent(id.includes("-") ? id : (run?.root ?? id))}`);
      const decision = await withEndsFrom(client, kept, run?.compositionId);
      process.stdout.write(flags.json ? `${JSON.stringify(decision)}\n` : `${explainDecision(decision).join("\n")}\n`);
    });
}

/** The composition run that `id` names; undefined when its records are gone. */
async function runOf(client: OpenWhiskClient, id: string): Promise<FoundRun | undefined> {
  try {
    return await findRun(client, id, systemClock.nowMs() - RUNNING_WITHIN_MS);
  } catch (error) {
    if (error instanceof HarvestError && error.code === "OWH_NOT_FOUND") return undefined;
    throw error;
  }
}
