import { runSidecar } from "@openwhisk-harvest/sidecar";
import type { Command } from "commander";
import { addressesOf } from "../connection/addresses.js";
import { readSources } from "../connection/read-sources.js";
import { loggerFor } from "../logger.js";
import { type ConfigFlags, configFrom, withConfigOptions } from "./options.js";

/** `harvest sidecar`: only the sidecar, beside a cluster, in the foreground until a signal. */
export function addSidecarVerb(program: Command): void {
  withConfigOptions(
    program
      .command("sidecar")
      .description("Start the sidecar alone, beside a cluster (needs redis.url and sidecar.apihost), until interrupted"),
  ).action(async (flags: ConfigFlags) => {
    const config = configFrom(flags);
    const { apihost } = addressesOf(readSources(config));
    const found = "value" in apihost ? apihost.value : undefined;
    await runSidecar({ config, apihost: config.sidecar.apihost ?? found, logger: loggerFor(config.logLevel) });
  });
}
