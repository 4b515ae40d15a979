import { once } from "node:events";
import type { Command } from "commander";
import { startStack } from "../stack.js";
import { addressesOf, removeStackFile, writeStackFile } from "../stack-file.js";
import { type ConfigFlags, configFrom, loggerFor, withConfigOptions } from "./options.js";

interface UpFlags extends ConfigFlags {
  readonly port?: string;
  readonly json?: boolean;
}

/** `harvest up`: the whole stack in the foreground, until a signal. */
export function addUpVerb(program: Command): void {
  withConfigOptions(program.command("up").description("Start the embedded OpenWhisk and everything around it, until interrupted"))
    .option("--port <port>", "port of the embedded OpenWhisk; 0 takes free ports for all parts")
    .option("--json", "print one JSON line when ready")
    .action(async (flags: UpFlags) => {
      const ports = flags.port === undefined ? [] : [`standalone.port=${flags.port}`, ...(flags.port === "0" ? ["sidecar.port=0"] : [])];
      const config = configFrom(flags, ports);
      const stack = await startStack({ config, logger: loggerFor(config.logLevel) });
      writeStackFile(stack);
      if (flags.json) process.stdout.write(`${JSON.stringify(addressesOf(stack))}\n`);
      else process.stdout.write(`${stack.lines.join("\n")}\nkeys        in ${config.dataDir}/stack.json\n`);
      await stopSignal();
      removeStackFile(config.dataDir);
      await stack.close();
    });
}

/** Resolves at the first request to stop; a second one ends the process at once, as people expect. */
export async function stopSignal(): Promise<void> {
  await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
}
