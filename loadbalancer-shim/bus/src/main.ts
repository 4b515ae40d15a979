/** The process `harvest-shim`: one replica of the bus adapter, until a signal ends it. */
import { configOptions, runProcess } from "@openwhisk-harvest/core";
import pino from "pino";
import { runShim } from "./run.js";

const HELP = `Usage: harvest-shim [--config <file>] [--set <path=value>]...

Places activations in front of the invokers of an Apache OpenWhisk cluster with the classic load balancer (docs/placement.md).
Options come from a file (YAML or JSON), the environment and --set; later ones win. SIGTERM drains and stops.

${configOptions()
  .filter(({ path }) => path.startsWith("shim."))
  .map(({ path, environment, unit, defaultValue, purpose }) => {
    const byDefault = defaultValue === undefined || defaultValue === "" ? "" : `, default ${defaultValue}`;
    return `  ${path}  ${environment}\n      ${purpose} (${unit}${byDefault})`;
  })
  .join("\n")}
  redis.url  HARVEST_REDIS_URL
      Redis for the keys that agents look up (text); none are written when absent
`;

await runProcess(HELP, (config) => runShim(config, pino({ level: config.logLevel }, pino.destination({ fd: 2, sync: true }))));
process.exit(); // what is left of Kafka's connections does not keep a replica that has stopped
