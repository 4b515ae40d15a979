/** The embedded OpenWhisk, wired: enforcement, containers, invokers, controller. */
import { join, resolve } from "node:path";
import { detectEnforcement } from "@openwhisk-harvest/cgroup";
import {
  type Allocation,
  type AllocationStore,
  type Clock,
  type Config,
  type Enforcement,
  type Grid,
  JOIN_ACTION,
  JOIN_VARIABLE,
  roundAmount,
  type SigningKey,
  systemClock,
} from "@openwhisk-harvest/core";
import { invokerCapacity } from "./capacity.js";
import type { ContainerDriver } from "./container/driver.js";
import type { Logger } from "./container/logger.js";
import { type InvokerSide, startControllerServer } from "./controller-server.js";
import { createInvoker, createTermsResolver, createUserTermsResolver } from "./invoker/index.js";
import { createLogger } from "./log.js";
import type { Identity } from "./messages.js";
import { createDriver, runtimesOf } from "./runtimes.js";

export interface StandaloneOptions {
  readonly config: Config;
  /** The grid in force, see core's `gridOf`. */
  readonly grid: Grid;
  readonly hostCores: number;
  /** Where the invokers look allocations up and leave what they saw. It stays its owner's to close. */
  readonly allocations: AllocationStore;
  /** The deployment's secret: only allocations and plans that are signed with it are believed. All are when absent. */
  readonly signingKey?: SigningKey;
  /** Identities, actions and activations live in `<dataDir>/standalone`, over restarts, or in the configured CouchDB. */
  readonly dataDir: string;
  readonly clock?: Clock;
  /** Gets warnings and errors, never keys or payloads; a pino logger fits. */
  readonly logger?: Logger;
  /** Added to the environment of conductors' containers alone, e.g. how they reach Redis. */
  readonly conductorEnv?: Readonly<Record<string, string>>;
}

export interface Occupancy {
  /** Activations in line for an invoker. */
  readonly waiting: number;
  /** Of all that run, at all invokers together. */
  readonly permits: Allocation;
}

export interface Standalone {
  /** `http://127.0.0.1:port` */
  readonly apihost: string;
  readonly namespace: string;
  /** `uuid:key` of the namespace. Not for logs. */
  readonly auth: string;
  /** True when this start has made the key; to be told once. */
  readonly authIsNew: boolean;
  readonly enforcement: Enforcement;
  /** One sentence for people: how limits are enforced, and why not better. */
  readonly enforcementReason: string;
  /** Whether actions have their own processes and /tmp, and do not see the data folder. */
  readonly walled: boolean;
  readonly invokers: readonly { readonly id: number; readonly cpuCores: number; readonly memoryMb: number }[];
  /** A further namespace with a fresh random key. OWH_CONFLICT when it exists. */
  createIdentity(namespace: string): Promise<Identity>;
  /** Activations that clients have asked for and that have not ended. */
  inFlight(): number;
  /** What runs and waits at this moment. */
  occupancy(): Occupancy;
  /** Lets close() wait no longer: what runs is cut off, and everything is taken away as ever. */
  endDrain(): void;
  /** Stops accepting, lets what runs come to its end (`standalone.drainMs` at most), takes the containers away, and closes the store. Idempotent. */
  close(): Promise<void>;
}

/** OWH_BAD_CONFIG when port, data folder or shares are wrong; OWH_CHILD_FAILED when no container can be started. */
export async function startStandalone(options: StandaloneOptions): Promise<Standalone> {
  const { config, grid, hostCores, dataDir, clock = systemClock } = options;
  const logger = options.logger ?? createLogger(config.logLevel);
  const capacity = invokerCapacity(config.standalone, grid, hostCores);
  const runtimes = runtimesOf(config.standalone);
  const enforcer = await detectEnforcement();
  const isByProcess = config.standalone.driver === "process";
  if (isByProcess && (enforcer.enforcement === "none" || enforcer.enforcement === "affinity"))
    logger.warn({ enforcement: enforcer.enforcement }, enforcer.reason);
  try {
    const driver = await createDriver({
      config: config.standalone,
      runtimes,
      enforcer,
      userMemoryMb: capacity.memoryMb,
      hidden: [resolve(dataDir)],
      logger,
      clock,
    });
    try {
      const server = await startControllerServer(
        {
          config: config.standalone,
          capacity: timesOf(capacity, config.standalone.invokers),
          step: { cpuCores: grid.cpuCores.step, memoryMb: grid.memoryMb.step },
          dataDir: join(dataDir, "standalone"),
          ...(config.couchdb.url !== undefined && { couchdbUrl: config.couchdb.url }),
          clock,
          logger,
          runtimes,
        },
        async (apihost) => invokerSide(options, { capacity, driver, clock, logger, apihost }),
      );
      logger.info(
        { apihost: server.apihost, enforcement: driver.enforcement, invokers: config.standalone.invokers, ...capacity },
        "standalone started",
      );
      const close = async () => {
        await server.close();
        await driver.close();
        await enforcer.close();
      };
      const enforcement = {
        enforcement: driver.enforcement,
        walled: driver.walled ?? false,
        enforcementReason: isByProcess ? enforcer.reason : APPLIED_BY[config.standalone.applier],
      };
      return runningStandalone(server, { ...enforcement, capacity, invokers: config.standalone.invokers, close });
    } catch (error) {
      await driver.close();
      throw error;
    }
  } catch (error) {
    await enforcer.close();
    throw error;
  }
}

function occupancyOf(balancer: ControllerServer["balancer"]): Occupancy {
  const invokers = balancer.invokers();
  const held = (resource: keyof Allocation) =>
    roundAmount(invokers.reduce((sum, { capacity, free }) => sum + capacity[resource] - free[resource], 0));
  return { waiting: balancer.waiting, permits: { cpuCores: held("cpuCores"), memoryMb: held("memoryMb") } };
}

function timesOf({ cpuCores, memoryMb }: Allocation, times: number): Allocation {
  return { cpuCores: times * cpuCores, memoryMb: times * memoryMb };
}

const APPLIED_BY: Readonly<Record<Config["standalone"]["applier"], string>> = {
  embedded: "held to by the Docker engine",
  "node-agent": "left to the node agents of the Docker engine's host",
};

interface SideParts {
  readonly capacity: { readonly cpuCores: number; readonly memoryMb: number };
  readonly driver: ContainerDriver;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly apihost: string;
}

function invokerSide({ config, grid, allocations, conductorEnv, signingKey }: StandaloneOptions, parts: SideParts): InvokerSide {
  const { capacity, driver, clock, logger, apihost } = parts;
  const { applier } = config.standalone;
  const signed = signingKey ? { signingKey } : {};
  const invokers = Array.from({ length: config.standalone.invokers }, (_, id) =>
    createInvoker({
      id,
      capacity,
      grid,
      driver,
      applier,
      ...(applier === "embedded" && { allocations }),
      conductorEnvironment: { ...conductorEnv, ...(applier === "embedded" && { [JOIN_VARIABLE]: JOIN_ACTION }) },
      conductorCpuCores: config.standalone.conductorCpuCores,
      apiHost: config.standalone.driver === "docker" ? (config.standalone.docker.apiHost ?? apihost) : apihost,
      idleContainerMs: config.standalone.idleContainerMs,
      pauseGraceMs: config.standalone.pauseGraceMs,
      payloadMaxBytes: config.standalone.payloadMaxBytes,
      sampling: config.sampling,
      ...signed,
      clock,
      logger,
    }),
  );
  const bounds = { grid, maxAllocation: capacity, logger };
  if (applier === "node-agent") return { invokers, resolveTerms: createUserTermsResolver(bounds) };
  const { allocationTtlMs } = config.redis;
  return { invokers, resolveTerms: createTermsResolver({ ...bounds, allocations, allocationTtlMs, ...signed, clock }) };
}

type ControllerServer = Awaited<ReturnType<typeof startControllerServer>>;

interface RunningParts extends Pick<Standalone, "enforcement" | "enforcementReason" | "walled" | "close"> {
  readonly capacity: SideParts["capacity"];
  readonly invokers: number;
}

function runningStandalone(server: ControllerServer, parts: RunningParts): Standalone {
  const { enforcement, enforcementReason, walled, capacity, invokers, close } = parts;
  const guest = server.identities.guest;
  let closing: Promise<void> | undefined;
  return {
    apihost: server.apihost,
    namespace: guest.namespace,
    auth: guest.authkey,
    authIsNew: server.identities.guestIsNew,
    enforcement,
    enforcementReason,
    walled,
    invokers: Array.from({ length: invokers }, (_, id) => ({ id, ...capacity })),
    inFlight: () => server.inFlight(),
    occupancy: () => occupancyOf(server.balancer),
    endDrain: () => server.endDrain(),
    createIdentity: (namespace) => server.identities.create(namespace),
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}
