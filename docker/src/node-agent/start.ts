/** The node agent: wiring only. */
import { availableParallelism, hostname, totalmem } from "node:os";
import { join } from "node:path";
import { Node, Reporter, TermsResolver } from "@openwhisk-harvest/applier";
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
import { ContainerRecords } from "./container-records.js";
import { ContainerRuns } from "./container-runs.js";
import { Containers } from "./containers.js";
import type { HeldContainer } from "./held-container.js";
import { metricsOf } from "./metrics.js";
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
  const { config, clock = systemClock, logger } = options;
  const { socket, containerPrefix, host, port, requestsPerSecond } = config.nodeAgent;
  const engine = options.engine ?? new Docker(socket === undefined ? {} : { socketPath: socket });
  const enforcement = await enforcementOf(engine);
  let containers: Containers | undefined;
  const { node, runs, reporter, capacity } = applierOf({ ...options, clock }, enforcement, () => containers?.all() ?? []);
  const closing = new AbortController();
  const stop = async () => {
    closing.abort();
    await node.close();
    containers?.close();
    await runs.close();
    await reporter.settled();
  };
  const fault = (what: string) => (error: unknown) => logger.error({ error: messageOf(error) }, what);
  const onGone = (container: HeldContainer) => {
    runs.containerGone(container).catch(fault("A dead container's run could not be ended."));
  };
  try {
    const records = new ContainerRecords(join(config.dataDir, "node-agent"));
    containers = await Containers.open({ engine, namePrefix: containerPrefix, records, clock, logger, onGone });
    restoreNowAndThen(runs, clock, closing.signal).catch(fault("Containers that have grown are not looked after any more."));
    const metrics = () => metricsOf(runs, reporter);
    const server = await listen({ host, port, requestsPerSecond, containers, runs, metrics, clock, logger });
    logger.info({ url: server.url, capacity }, "The node agent listens.");
    const close = async () => {
      await server.close();
      await stop();
    };
    return { url: server.url, close };
  } catch (error) {
    await stop();
    throw error;
  }
}

function applierOf(
  { config, allocations, signing, clock, logger }: NodeAgentOptions & { readonly clock: Clock },
  enforcement: Enforcement,
  containers: () => Iterable<HeldContainer>,
) {
  const settings = config.nodeAgent;
  const hostCores = availableParallelism();
  const capacity = {
    cpuCores: settings.cpuCores ?? hostCores,
    memoryMb: settings.memoryMb ?? Math.floor((totalmem() / BYTES_PER_MB) * (1 - HOST_SHARE)),
  };
  const shared = { capacity, grid: gridOf(config, hostCores), clock, logger, ...(signing && { signing }) };
  const reporter = new Reporter(allocations, { clock, logger });
  const node: Node = new Node({
    ...{ ...shared, name: settings.node ?? hostname(), enforcement, sampling: config.sampling, reporter },
    plans: allocations,
    others: () => runs.silentMembers(),
  });
  const runs = new ContainerRuns({
    ...{ ...shared, node, containers, timeLimitMs: settings.timeLimitMs },
    terms: new TermsResolver({ ...shared, allocations, allocationTtlMs: config.redis.allocationTtlMs }),
    ...(settings.activationKeys === "read" ? { activationKeys: allocations } : {}),
  });
  return { node, runs, reporter, capacity };
}

async function restoreNowAndThen(runs: ContainerRuns, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(RESTORE_EVERY_MS, signal).catch(() => undefined); // closing
    await runs.restoreLate();
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
