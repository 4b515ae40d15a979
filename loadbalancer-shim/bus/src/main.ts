/** The process `harvest-shim`: one replica of the bus adapter, until a signal ends it. */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Config, configOptions, HarvestError, loadConfig, messageOf, systemClock } from "@openwhisk-harvest/core";
import { openRunKeyWriter } from "@openwhisk-harvest/stores";
import pino, { type Logger } from "pino";
import { type ActionReader, CouchActionReader } from "./action-reader.js";
import { UNKNOWN_ACTION } from "./events.js";
import { KafkaBus } from "./kafka-bus.js";
import { Shim } from "./shim.js";

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

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { help: { type: "boolean" }, config: { type: "string" }, set: { type: "string", multiple: true } },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const config = configFrom(values.config, values.set ?? []);
  const logger = pino({ level: config.logLevel }, pino.destination({ fd: 2, sync: true }));
  const shim = await start(config, logger);
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve());
  });
  logger.info({}, "stopping");
  await shim.stop();
}

function configFrom(file: string | undefined, flags: readonly string[]): Config {
  const text = file === undefined ? undefined : readFileSync(file, "utf8");
  return loadConfig({ ...(file !== undefined && text !== undefined && { file: { name: file, text } }), environment: process.env, flags });
}

async function start(config: Config, logger: Logger): Promise<Shim> {
  const { shim, redis } = config;
  if (shim.kafka === undefined) throw new HarvestError("OWH_BAD_CONFIG", "shim.kafka names no broker.");
  if (shim.controllerPrefix === shim.invokerPrefix)
    throw new HarvestError("OWH_BAD_CONFIG", "shim.controllerPrefix and shim.invokerPrefix must differ: the shim stands between them.");
  const keys =
    redis.url === undefined ? undefined : await openRunKeyWriter({ ...redis, url: redis.url, ttlMs: redis.allocationTtlMs, logger });
  const bus = new KafkaBus(shim.kafka);
  try {
    return await Shim.start({ config: shim, bus, actions: actionReader(shim, logger), ...(keys && { keys }), clock: systemClock, logger });
  } catch (error) {
    await Promise.all([bus.close(), keys?.close()]);
    throw error;
  }
}

function actionReader({ couchdbUrl, actionsDatabase, actionCpuCores }: Config["shim"], logger: Logger): ActionReader {
  if (couchdbUrl === undefined) {
    logger.warn({}, "shim.couchdbUrl is not set: every action counts as one of 256 MB");
    return { read: async () => UNKNOWN_ACTION };
  }
  return new CouchActionReader({
    url: couchdbUrl,
    database: actionsDatabase,
    ...(actionCpuCores !== undefined && { actionCpuCores }),
    onFailure: (reason) => logger.warn({ reason }, "an action's document was not read; it counts as one of 256 MB"),
  });
}

try {
  await main();
  process.exit(0);
} catch (error) {
  const code = error instanceof HarvestError ? ` (${error.code})` : "";
  process.stderr.write(`error: ${messageOf(error)}${code}\n`);
  process.exit(1);
}
