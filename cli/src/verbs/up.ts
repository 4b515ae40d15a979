import type { Command } from "commander";
import { loggerFor } from "../logger.js";
import { loadLaptop } from "../optional.js";
import { type ConfigFlags, configFrom, wholeNumber, withConfigOptions } from "./options.js";

interface UpFlags extends ConfigFlags {
  readonly port?: string;
  readonly collect: number;
  readonly json?: boolean;
}

/** `harvest up`: the whole stack in the foreground, until a signal. */
export function addUpVerb(program: Command): void {
  withConfigOptions(program.command("up").description("Start the embedded OpenWhisk and everything around it, until interrupted"))
    .option("--port <port>", "port of the embedded OpenWhisk; 0 takes free ports for all parts")
    .option("--collect <seconds>", "how often ordinary runs are made profiles of and held against the models; 0: never", wholeNumber, 60)
    .option("--json", "print one JSON line when ready")
    .action(async (flags: UpFlags) => {
      const ports = flags.port === undefined ? [] : [`standalone.port=${flags.port}`, ...(flags.port === "0" ? ["sidecar.port=0"] : [])];
      const config = configFrom(flags, ports);
      const { up } = await loadLaptop("harvest up");
      await up({ config, logger: loggerFor(config.logLevel), collectSeconds: flags.collect, json: flags.json ?? false });
    });
}
