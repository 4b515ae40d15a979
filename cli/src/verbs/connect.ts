import type { Command } from "commander";
import { Connection } from "../connection/connection.js";
import { type ConnectionRow, examineConnection } from "../connection/examine.js";
import { type Column, tableLines } from "../output.js";
import { type ConfigFlags, configFrom, withConfigOptions } from "./options.js";

interface ConnectFlags extends ConfigFlags {
  readonly json?: boolean;
}

/** `harvest connect`: exit status 1 when an address is missing, or does not answer as it should. */
export function addConnectVerb(program: Command): void {
  withConfigOptions(
    program.command("connect").description("Show which OpenWhisk, sidecar, Redis and documents verbs use, why, and whether they answer"),
  )
    .option("--json", "print one JSON array: [{part, address?, from?, answer?, error?, code?}]")
    .action(async (flags: ConnectFlags) => {
      const rows = await examineConnection(new Connection(configFrom(flags)));
      process.stdout.write(flags.json ? `${JSON.stringify(rows)}\n` : `${tableLines(COLUMNS, rows).join("\n")}\n`);
      const failed = rows.filter(({ error }) => error !== undefined);
      for (const { part, error, code } of flags.json ? [] : failed)
        process.stderr.write(`error: ${part}: ${error}${code === undefined ? "" : ` (${code})`}\n`);
      if (failed.length > 0) process.exitCode = 1;
    });
}

const COLUMNS: readonly Column<ConnectionRow>[] = [
  { head: "part", of: ({ part }) => part },
  { head: "address", of: ({ address }) => address },
  { head: "from", of: ({ from }) => from },
  { head: "answer", of: ({ answer, code, error }) => answer ?? code ?? error },
];
