import { type DecisionSummary, MODES, systemClock } from "@openwhisk-harvest/core";
import { type Command, Option } from "commander";
import { Connection } from "../connection/connection.js";
import { type Column, listText } from "../output.js";
import { dateText, momentMs } from "../times.js";
import { type ConfigFlags, configFrom, positiveNumber, withConfigOptions } from "./options.js";

interface DecisionsFlags extends ConfigFlags {
  readonly dag?: string;
  readonly namespace?: string;
  readonly reason?: string;
  readonly mode?: string;
  readonly since?: string;
  readonly limit: number;
  readonly json?: boolean;
  readonly csv?: boolean;
}

/** `harvest decisions`: what was decided, the newest first. */
export function addDecisionsVerb(program: Command): void {
  withConfigOptions(program.command("decisions").description("List the decisions of a namespace, the newest first"))
    .option("--dag <name>", "of one DAG only")
    .option("--namespace <name>", "a namespace that your key belongs to; the key's own when absent")
    .option("--reason <code>", "only those of which a verdict gives this reason, e.g. gain-within-uncertainty")
    .addOption(new Option("--mode <mode>", "only those made in this mode").choices([...MODES]))
    .option("--since <time>", "so long ago, or since a date: 2h, 2026-11-21T14:00Z")
    .option("--limit <number>", "at most so many", positiveNumber, 20)
    .option("--json", "print them as one JSON array")
    .option("--csv", "print them as CSV")
    .action(decisions);
}

async function decisions(flags: DecisionsFlags): Promise<void> {
  const connection = new Connection(configFrom(flags));
  const query = new URLSearchParams({ namespace: flags.namespace ?? (await connection.namespace()), limit: String(flags.limit) });
  for (const name of ["dag", "reason", "mode"] as const) {
    const value = flags[name];
    if (value !== undefined) query.set(name, value);
  }
  if (flags.since !== undefined) query.set("since", String(Math.max(0, Math.floor(momentMs(flags.since, systemClock.nowMs())))));
  const list = await connection.ask<{ decisions: DecisionSummary[]; isCut: boolean }>(`/v1/decisions?${query}`);
  process.stdout.write(listText(COLUMNS, list.decisions, flags, "No decision fits."));
  if (list.isCut) process.stderr.write("Older decisions were not looked at: narrow the question with --since.\n");
}

const COLUMNS: readonly Column<DecisionSummary>[] = [
  { head: "decided (UTC)", of: ({ decidedAtMs }) => dateText(decidedAtMs) },
  { head: "dag", of: ({ dag }) => dag },
  { head: "mode", of: ({ mode }) => mode },
  { head: "published", of: ({ published }) => (published ? "yes" : "no") },
  { head: "input bytes", of: ({ inputBytes }) => inputBytes, right: true },
  { head: "stages", of: ({ accepted, stages }) => `${accepted}/${stages}`, right: true },
  { head: "predicted ms", of: ({ predictedMs: p }) => p && `${Math.round(p.user)}>${Math.round(p.allocated)}`, right: true },
  { head: "model", of: ({ modelVersion }) => modelVersion, right: true },
  { head: "reasons", of: ({ reasons }) => reasons.join(" ") },
  { head: "id", of: ({ id }) => id },
];
