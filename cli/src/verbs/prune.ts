import { HarvestError, systemClock } from "@openwhisk-harvest/core";
import type { Command } from "commander";
import { Connection } from "../connection/connection.js";
import { momentMs } from "../times.js";
import { type ConfigFlags, configFrom, withConfigOptions } from "./options.js";

interface PruneFlags extends ConfigFlags {
  readonly before: number;
  readonly json?: boolean;
}

/** `harvest prune --before 7d`: of the embedded OpenWhisk. */
export function addPruneVerb(program: Command): void {
  withConfigOptions(program.command("prune").description("Delete the namespace's old activation records from the embedded OpenWhisk"))
    .requiredOption("--before <moment>", "those that began before: a duration ago, e.g. 7d, or a date", (text) =>
      momentMs(text, systemClock.nowMs()),
    )
    .option("--json", "print one JSON object: {activations}")
    .action(async (flags: PruneFlags) => {
      const { apihost, auth } = new Connection(configFrom(flags)).openwhisk();
      const activations = await prune(apihost, auth, flags.before);
      process.stdout.write(flags.json ? `${JSON.stringify({ activations })}\n` : `${activations} activation records deleted\n`);
    });
}

/** OWH_UNREACHABLE when OpenWhisk does not answer, OWH_BAD_REQUEST when it has no such thing: a stock one keeps its records in CouchDB. */
async function prune(apihost: string, auth: string, beforeMs: number): Promise<number> {
  const url = `${apihost}/api/v1/harvest/namespaces/_/activations?upto=${beforeMs - 1}`;
  const headers = { authorization: `Basic ${Buffer.from(auth).toString("base64")}` };
  const response = await fetch(url, { method: "DELETE", headers, redirect: "error" }).catch((cause: unknown) => {
    throw new HarvestError("OWH_UNREACHABLE", `OpenWhisk does not answer at ${apihost}.`, { cause });
  });
  const body = (await response.json().catch(() => ({}))) as { activations?: number; error?: string };
  if (response.ok && typeof body.activations === "number") return body.activations;
  if (response.status === 401) throw new HarvestError("OWH_UNAUTHORIZED", "OpenWhisk refuses the key.");
  throw new HarvestError("OWH_BAD_REQUEST", `OpenWhisk at ${apihost} deletes no records: ${body.error ?? `status ${response.status}`}`);
}
