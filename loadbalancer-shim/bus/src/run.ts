/** One replica of the bus adapter in the foreground. */
import { type Config, HarvestError, stopSignal, systemClock } from "@openwhisk-harvest/core";
import { openRunKeyWriter } from "@openwhisk-harvest/stores/redis";
import type { Logger } from "pino";
import { type ActionReader, CouchActionReader } from "./action-reader.js";
import { UNKNOWN_ACTION } from "./events.js";
import { serveHealth } from "./health.js";
import { KafkaBus } from "./kafka-bus.js";
import { Shim } from "./shim.js";

/** Ends at SIGINT or SIGTERM, when what is in flight has come to its end. OWH_BAD_CONFIG without Kafka, and as Shim.start. */
export async function runShim(config: Config, logger: Logger): Promise<void> {
  const shim = await start(config, logger);
  const health = await serveHealth(config.shim, () => shim.inCharge);
  await stopSignal();
  logger.info({}, "stopping");
  await Promise.all([shim.stop(), health?.close()]);
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
