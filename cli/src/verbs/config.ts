import { availableParallelism } from "node:os";
import { configOptions, describeGrid, gridOf } from "@openwhisk-harvest/core";
import type { Command } from "commander";
import { withoutUser } from "../connection/connection.js";
import { type ConfigFlags, configFrom, withConfigOptions } from "./options.js";

interface JsonFlag {
  readonly json?: boolean;
}

/** `harvest config print|validate|options` */
export function addConfigVerb(program: Command): void {
  const config = program.command("config").description("Look at the configuration");
  withConfigOptions(config.command("print").description("Print the configuration in force as JSON")).action((flags: ConfigFlags) => {
    process.stdout.write(`${JSON.stringify(withoutPasswords(configFrom(flags)), null, 2)}\n`);
  });
  withConfigOptions(config.command("validate").description("Check all sources and print the grid in force"))
    .option("--json", "print the grid as JSON")
    .action((flags: ConfigFlags & JsonFlag) => {
      const grid = gridOf(configFrom(flags), availableParallelism());
      process.stdout.write(flags.json ? `${JSON.stringify(grid)}\n` : `ok: ${describeGrid(grid)}\n`);
    });
  config
    .command("options")
    .description("List every option with its environment variable, unit, default and purpose")
    .option("--json", "print them as one JSON array")
    .action(({ json }: JsonFlag) => {
      if (json) return void process.stdout.write(`${JSON.stringify(configOptions())}\n`);
      for (const { path, environment, unit, defaultValue, purpose } of configOptions())
        process.stdout.write(`${path}  ${environment}  [${unit}${defaultValue === undefined ? "" : `, ${defaultValue}`}]  ${purpose}\n`);
    });
}

/** What is printed may end in a bug report. */
function withoutPasswords(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (key, inner) => {
    if (typeof inner !== "string") return inner;
    return key === "auth" ? "***" : /url$/i.test(key) ? withoutUser(inner) : inner;
  });
}
