import type { Command } from "commander";
import { addressesOf } from "../connection/addresses.js";
import { readSources } from "../connection/read-sources.js";
import { examine } from "../doctor/checks.js";
import { collectFacts, settingsWith } from "../doctor/collect.js";
import type { Finding, Level } from "../doctor/facts.js";
import { type ConfigFlags, configFrom, withConfigOptions } from "./options.js";

interface DoctorFlags extends ConfigFlags {
  readonly json?: boolean;
}

const SIGNS: Readonly<Record<Level, string>> = { good: "ok  ", note: "note", bad: "BAD " };

/** `harvest doctor`: exit status 1 when something of ours will not work. */
export function addDoctorVerb(program: Command): void {
  withConfigOptions(
    program.command("doctor").description("Check an OpenWhisk cluster, read-only, and say what to change (options doctor.*)"),
  )
    .option("--json", "print one JSON object: {findings: [{check, level, found, change?}]}")
    .action(async (flags: DoctorFlags) => {
      const config = configFrom(flags);
      const findings = examine(await collectFacts(settingsWith(config.doctor, addressesOf(readSources(config)))));
      process.stdout.write(flags.json ? `${JSON.stringify({ findings })}\n` : `${findings.map(textOf).join("\n")}\n`);
      if (findings.some(({ level }) => level === "bad")) process.exitCode = 1;
    });
}

function textOf({ check, level, found, change }: Finding): string {
  return `${SIGNS[level]}  ${check}: ${found}${change === undefined ? "" : `\n      ${change}`}`;
}
