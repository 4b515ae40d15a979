/** What all verbs share: where the configuration comes from, and how their options are read. */
import { type Config, readConfig } from "@openwhisk-harvest/core";
import { type Command, InvalidArgumentError } from "commander";

export interface ConfigFlags {
  readonly config?: string;
  readonly set: string[];
  readonly dataDir?: string;
}

const collect = (value: string, previous: string[]) => [...previous, value];

export function withConfigOptions(command: Command): Command {
  return command
    .option("--config <file>", "configuration file, YAML or JSON")
    .option("--set <path=value>", "one option, e.g. grid.cpuCores.step=0.125; may be repeated", collect, [])
    .option("--data-dir <folder>", "where embedded stores keep their data");
}

/** For options that count or seed. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError("It must be a whole number.");
  return Number(text);
}

/** For options that say how many. */
export function positiveNumber(text: string): number {
  const number = wholeNumber(text);
  if (number === 0) throw new InvalidArgumentError("It must be 1 at least.");
  return number;
}

/** `more` are assignments that the verb itself makes; the user's win. */
export function configFrom(flags: ConfigFlags, more: readonly string[] = []): Config {
  const dataDir = flags.dataDir === undefined ? [] : [`dataDir=${flags.dataDir}`];
  return readConfig({ file: flags.config, flags: [...more, ...dataDir, ...flags.set] });
}
