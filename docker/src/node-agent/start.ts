/** The node agent: wiring only. */
import { availableParallelism, hostname, totalmem } from "node:os";
import { join } from "node:path";
import {
  type ActivationKeyStore,
  type AllocationStore,
  type Clock,
  type Config,
  type Enforcement,
  gridOf,
  HarvestError,
  messageOf,
  type SigningKey,
  systemClock,
} from "@openwhisk-harvest/core";
import Docker from "dockerode";
import type { Logger } from "pino";
import { Containers } from "./containers.js";
import { Journal } from "./journal.js";
import { metricsOf } from "./metrics.js";
import { Node } from "./node.js";
import { Reporter } from "./reporter.js";
import { listen } from "./server.js";

export interface NodeAgentOptions {
  readonly config: Config;
  /** Stays the caller's: close() leaves it open. */
  readonly allocations: AllocationStore & ActivationKeyStore;
  /** Absent in a deployment without a secret: then allocations are believed unsigned. */
  readonly signing?: SigningKey;
  /** @defaultValue that of the configuration */
  readonly engine?: Docker;
  readonly clock?: Clock;
  readonly logger: Logger;
}

export interface NodeAgent {
  readonly url: string;
  /** Every container gets back what it was created with; then it stops listening. */
  close(): Promise<void>;
}

const BYTES_PER_MB = 1 << 20;
/** Of a node's memory, that part is the host's own, unless configured. */
const HOST_SHARE = 1 / 8;
const RESTORE_EVERY_MS = 1_000;

/** OWH_CHILD_FAILED when the engine does not answer or the address is taken; OWH_BAD_CONFIG when the grid holds nothing. */
export async function startNodeAgent(options: NodeAgentOptions): Promise<NodeAgent> {
  const { config, allocations, signing, clock = systemClock, logger } = options;
  const settings = config.nodeAgent;
  const engine = options.engine ?? new Docker(settings.socket === undefined ? {} : { socketPath: settings.socket });
  const hostCores = availableParallelism();
  const capacity = {
    cpuCores: settings.cpuCores ?? hostCores,
    memoryMb: settings.memoryMb ?? Math.floor((totalmem() / BYTES_PER_MB) * (1 - HOST_SHARE)),
  };
  const reporter = new Reporter(allocations, { clock, logger });
  const known: { containers?: Containers } = {};
  const node = new Node({
    name: settings.node ?? hostname(),
    capacity,
    grid: gridOf(config, hostCores),
    enforcement: await enforcementOf(engine),
    sampling: config.sampling,
    timeLimitMs: settings.timeLimitMs,
    allocationTtlMs: config.redis.allocationTtlMs,
    allocations,
    ...(settings.activationKeys === "read" ? { activationKeys: allocations } : {}),
    ...(signing ? { signing } : {}),
    containers: () => known.containers?.all() ?? [],
    reporter,
    clock,
    logger,
  });
  const fault = (what: string) => (error: unknown) => logger.error({ error: messageOf(error) }, what);
  const containers = await Containers.open({
    engine,
    namePrefix: settings.containerPrefix,
    journal: new Journal(join(config.dataDir, "node-agent")),
    clock,
    logger,
    onGone: (container) => {
      node.containerGone(container).catch(fault("A dead container's run could not be ended."));
    },
  });
  known.containers = containers;
  const watch = allocations.watchPlans({
    onPlans: (_root, entries) => node.onPlans(entries),
    onGap: () => {
      catchUp(node, allocations).catch((error: unknown) =>
        logger.warn({ error: messageOf(error) }, "Plans that were missed cannot be read."),
      );
    },
  });
  const closing = new AbortController();
  restoreNowAndThen(node, clock, closing.signal).catch(fault("Containers that have grown are not looked after any more."));
  const { host, port, requestsPerSecond } = settings;
  const metrics = () => metricsOf(node, reporter);
  const stop = async () => {
    closing.abort();
    await watch.stop();
    containers.close();
    await node.close();
    await reporter.settled();
  };
  try {
    const server = await listen({ host, port, requestsPerSecond, containers, node, metrics, clock, logger });
    logger.info({ url: server.url, capacity }, "The node agent listens.");
    return {
      url: server.url,
      close: async () => {
        await server.close();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** plan.ts, P3 */
async function catchUp(node: Node, allocations: Pick<AllocationStore, "plans">): Promise<void> {
  for (const root of node.roots()) node.onPlans(await allocations.plans(root));
}

async function restoreNowAndThen(node: Node, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(RESTORE_EVERY_MS, signal).catch(() => undefined); // closing
    await node.restoreLate();
  }
}

async function enforcementOf(engine: Docker): Promise<Enforcement> {
  try {
    const { CgroupVersion } = await engine.info();
    return CgroupVersion === "2" ? "cgroup-v2" : "cgroup-v1";
  } catch (error) {
    throw new HarvestError("OWH_CHILD_FAILED", `The Docker engine does not answer: ${messageOf(error)}`, { cause: error });
  }
}
