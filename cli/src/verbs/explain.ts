import { HarvestError } from "@openwhisk-harvest/core";
import { type DecisionRecord, explainDecision } from "@openwhisk-harvest/sidecar";
import type { Command } from "commander";
import { getJson } from "../http.js";
import { type ConfigFlags, configFrom, connect, withConfigOptions } from "./options.js";

interface ExplainFlags extends ConfigFlags {
  readonly json?: boolean;
}

/** `harvest explain <id>`: a composition's activation id, R, or a decision's id. */
export function addExplainVerb(program: Command): void {
  withConfigOptions(program.command("explain <id>").description("Tell what was decided for a composition run, and why"))
    .option("--json", "print the decision as JSON")
    .action(async (id: string, flags: ExplainFlags) => {
      const { stack, client } = connect(configFrom(flags));
      const root = await rootOfComposition(client, id);
      const decision = await getJson<DecisionRecord>(`${stack.sidecar}/v1/decisions/${encodeURIComponent(root ?? id)}`, stack.auth);
      process.stdout.write(flags.json ? `${JSON.stringify(decision)}\n` : `${explainDecision(decision).join("\n")}\n`);
    });
}

interface ActivationReader {
  readonly activations: { get(options: { name: string }): Promise<unknown> };
}

/** R of a composition run is the first id in its record's logs; undefined when `id` is no composition's. */
async function rootOfComposition(client: ActivationReader, id: string): Promise<string | undefined> {
  if (!/^[0-9a-f]{32}$/.test(id)) return undefined;
  try {
    const record = (await client.activations.get({ name: id })) as { logs?: unknown[]; annotations?: { key: string; value: unknown }[] };
    const isComposition = record.annotations?.some((a) => a.key === "conductor" && a.value === true) ?? false;
    return isComposition && typeof record.logs?.[0] === "string" ? record.logs[0] : undefined;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return undefined;
    throw new HarvestError("OWH_STORE_UNAVAILABLE", "OpenWhisk did not answer.", { cause: error });
  }
}
