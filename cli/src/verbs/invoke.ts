import type { Command } from "commander";
import { Connection } from "../connection/connection.js";
import { invokeAction, type Parameter, parameterOf, paramsFrom } from "../invocation.js";
import { durationMs } from "../times.js";
import { type ConfigFlags, configFrom, withConfigOptions } from "./options.js";

interface InvokeFlags extends ConfigFlags {
  readonly param: Parameter[];
  readonly input?: string;
  readonly within: number;
  readonly json?: boolean;
}

/** `harvest invoke <name>`: the result on standard output, the activation id on standard error; exit status 1 when the action failed. */
export function addInvokeVerb(program: Command): void {
  withConfigOptions(
    program.command("invoke <name>").description("Invoke an action or a composition, wait for its end, and print its result"),
  )
    .option(
      "-p, --param <name=value>",
      "a parameter, JSON or else text; may be repeated",
      (text, before: Parameter[]) => [...before, parameterOf(text)],
      [],
    )
    .option("--input <file>", "a JSON object of parameters, `-` for standard input; --param wins over it")
    .option("--within <duration>", "how long to wait for the end", durationMs, 600_000)
    .option("--json", "print one JSON object: {activationId, success, status, result}")
    .action(async (name: string, flags: InvokeFlags) => {
      const params = paramsFrom(flags.input, flags.param);
      const ended = await invokeAction(new Connection(configFrom(flags)), name, params, flags.within);
      if (!flags.json) process.stderr.write(`activation ${ended.activationId}: ${ended.status}\n`);
      process.stdout.write(`${flags.json ? JSON.stringify(ended) : JSON.stringify(ended.result, null, 2)}\n`);
      if (!ended.success) process.exitCode = 1;
    });
}
