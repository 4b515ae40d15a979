/** What every process of ours needs of the system: its configuration, its signals, its exit status, and whether others live. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Config, loadConfig } from "./config.js";
import { HarvestError, messageOf } from "./errors.js";

export interface ProcessConfig {
  /** Path of a YAML or JSON file. */
  readonly file?: string | undefined;
  /** Assignments `path=value`, which win over the file and the environment. */
  readonly flags?: readonly string[] | undefined;
}

/** The configuration of this process: the file, the environment, the assignments. OWH_BAD_CONFIG as loadConfig, or without the file. */
export function readConfig({ file, flags = [] }: ProcessConfig): Config {
  const text = file === undefined ? {} : { file: { name: file, text: readText(file) } };
  return loadConfig({ ...text, environment: process.env, flags });
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new HarvestError("OWH_BAD_CONFIG", `The configuration file cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * A server from its arguments, `[--config <file>] [--set <path=value>]... [--help]`, to its exit status: what `main` throws is told on
 * standard error with its code, and the status is 1.
 */
export async function runProcess(help: string, main: (config: Config) => Promise<void>): Promise<void> {
  try {
    const { values } = parseArgs({
      options: { help: { type: "boolean" }, config: { type: "string" }, set: { type: "string", multiple: true } },
    });
    if (values.help) process.stdout.write(help);
    else await main(readConfig({ file: values.config, flags: values.set }));
  } catch (error) {
    process.stderr.write(`${failureText(error)}\n`);
    process.exitCode = 1;
  }
}

/** How every program of ours tells why it ends. */
export function failureText(error: unknown): string {
  return `error: ${messageOf(error)}${error instanceof HarvestError ? ` (${error.code})` : ""}`;
}

/** Resolves at the next SIGINT or SIGTERM. Unless it is called again then, the one after that ends the process at once. */
export async function stopSignal(): Promise<void> {
  const first = new AbortController();
  const heard = (["SIGINT", "SIGTERM"] as const).map((name) => once(process, name, { signal: first.signal }));
  await Promise.race(heard);
  first.abort();
  await Promise.allSettled(heard);
}

/** A process of another user counts: it may not be signalled, but is there. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}
