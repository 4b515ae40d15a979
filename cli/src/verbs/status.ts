import type { Command } from "commander";
import { Connection } from "../connection/connection.js";
import { csvLines } from "../output.js";
import { lookAtRun } from "../status/look.js";
import { runStatus } from "../status/run-status.js";
import { STATUS_COLUMNS, statusText } from "../status/status-table.js";
import { durationMs } from "../times.js";
import { type ConfigFlags, configFrom, withConfigOptions } from "./options.js";

interface StatusFlags extends ConfigFlags {
  readonly within: number;
  readonly json?: boolean;
  readonly csv?: boolean;
}

/** `harvest status <id>` */
export function addStatusVerb(program: Command): void {
  withConfigOptions(program.command("status <id>").description("Show a composition run's functions with their state, time and usage"))
    .option("--within <duration>", "how far back a run that has not ended is looked for", durationMs, 3_600_000)
    .option("--json", "print it as one JSON object")
    .option("--csv", "print the functions as CSV")
    .action(async (id: string, flags: StatusFlags) => {
      const status = runStatus(await lookAtRun(new Connection(configFrom(flags)), id, flags.within));
      const text = flags.csv ? `${csvLines(STATUS_COLUMNS, status.functions).join("\r\n")}\r\n` : statusText(status);
      process.stdout.write(flags.json ? `${JSON.stringify(status)}\n` : text);
    });
}
