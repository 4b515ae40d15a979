/** What all verbs share: where the configuration comes from, and how to reach a running stack. */
import { readFileSync } from "node:fs";
import { type Config, HarvestError, loadConfig, messageOf, type StackFile } from "@openwhisk-harvest/core";
import { type Command, InvalidArgumentError } from "commander";
import openwhisk from "openwhisk";
import pino, { type Logger } from "pino";
import { readStackFile } from "../stack-file.js";

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
  return loadConfig({
    ...(flags.config === undefined ? {} : { file: { name: flags.config, text: readText(flags.config) } }),
    environment: process.env,
    flags: [...more, ...dataDir, ...flags.set],
  });
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new HarvestError("OWH_BAD_CONFIG", `The configuration file cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

/** Logs go to standard error: standard output belongs to what the verb prints. */
export function loggerFor(level: string): Logger {
  return pino(
    { level, redact: ["authorization", "auth", "*.auth", "url", "*.authkey", "*.api_key"] },
    pino.destination({ fd: 2, sync: true }),
  );
}

export interface Connection {
  readonly stack: StackFile;
  readonly client: openwhisk.Client;
}

export function connect(config: Config): Connection {
  const stack = readStackFile(config.dataDir);
  return { stack, client: clientFor(stack) };
}

export function clientFor({ apihost, auth, namespace }: Pick<StackFile, "apihost" | "auth" | "namespace">): openwhisk.Client {
  return openwhisk({ apihost, api_key: auth, namespace });
}
