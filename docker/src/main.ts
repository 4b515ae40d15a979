/** The node agent as a process of its own: `harvest-node-agent [--config file] [--set path=value ...]`. */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Config, HarvestError, loadConfig, messageOf, stopSignal } from "@openwhisk-harvest/core";
import { configuredSigningKey, RedisAllocationStore } from "@openwhisk-harvest/stores";
import { destination, pino } from "pino";
import { installAgents } from "./install.js";
import { startNodeAgent } from "./node-agent/start.js";

function configuration(): Config {
  const { values } = parseArgs({ options: { config: { type: "string" }, set: { type: "string", multiple: true } } });
  const file = values.config === undefined ? {} : { file: { name: values.config, text: readFileSync(values.config, "utf8") } };
  return loadConfig({ ...file, environment: process.env, flags: values.set ?? [] });
}

async function main(): Promise<void> {
  const config = configuration();
  const logger = pino({ level: config.logLevel, name: "node-agent" }, destination({ fd: 2, sync: true }));
  const { url, timeoutMs, allocationTtlMs: ttlMs } = config.redis;
  if (url === undefined) throw new HarvestError("OWH_BAD_CONFIG", "The node agent needs redis.url: the cluster's, not one of its own.");
  const signing = configuredSigningKey(config);
  if (!signing) logger.warn("signing.secretFile is not set: whoever can write to Redis can grant allocations.");
  const { agentsDir } = config.nodeAgent;
  if (agentsDir !== undefined) installAgents(agentsDir);
  const allocations = await RedisAllocationStore.connect({ url, timeoutMs, ttlMs, logger });
  try {
    const agent = await startNodeAgent({ config, allocations, ...(signing ? { signing } : {}), logger });
    process.stdout.write(`${agent.url}\n`);
    await stopSignal();
    await agent.close();
  } finally {
    await allocations.close();
  }
}

main().catch((error: unknown) => {
  const code = error instanceof HarvestError ? ` (${error.code})` : "";
  process.stderr.write(`error: ${messageOf(error)}${code}\n`);
  process.exitCode = 1;
});
