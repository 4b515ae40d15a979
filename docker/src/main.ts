/** The node agent as a process of its own: `harvest-node-agent [--config file] [--set path=value ...]`. */
import { type Config, HarvestError, runProcess, stopSignal } from "@openwhisk-harvest/core";
import { RedisAllocationStore } from "@openwhisk-harvest/stores/redis";
import { configuredSigningKey } from "@openwhisk-harvest/stores/signing-secret";
import { destination, pino } from "pino";
import { installAgents } from "./install.js";
import { startNodeAgent } from "./node-agent/start.js";

const HELP = `Usage: harvest-node-agent [--config <file>] [--set <path=value>]...

Applies allocations to the action containers of this node (docs/beside-your-cluster.md). Needs redis.url, the cluster's.
Options come from a file (YAML or JSON), the environment and --set; later ones win. SIGTERM gives every container back what it had.
`;

async function main(config: Config): Promise<void> {
  const logger = pino({ level: config.logLevel, name: "node-agent" }, destination({ fd: 2, sync: true }));
  const { url, timeoutMs, allocationTtlMs: ttlMs } = config.redis;
  if (url === undefined) throw new HarvestError("OWH_BAD_CONFIG", "The node agent needs redis.url: the cluster's, not one of its own.");
  const signing = configuredSigningKey(config);
  if (!signing) logger.warn("signing.secretFile is not set: every client that can write to Redis can grant allocations.");
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

await runProcess(HELP, main);
