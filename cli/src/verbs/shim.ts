import type { Command } from "commander";
import { loggerFor } from "../logger.js";
import { loadBus } from "../optional.js";
import { type ConfigFlags, configFrom, withConfigOptions } from "./options.js";

/** `harvest shim`: one replica of the bus adapter, in the foreground until a signal. */
export function addShimVerb(program: Command): void {
  withConfigOptions(
    program.command("shim").description("Start one replica of the bus adapter (options shim.*, redis.url), until interrupted"),
  ).action(async (flags: ConfigFlags) => {
    const config = configFrom(flags);
    const { runShim } = await loadBus("harvest shim");
    await runShim(config, loggerFor(config.logLevel));
    process.exit(); // what is left of Kafka's connections does not keep a replica that has stopped
  });
}
