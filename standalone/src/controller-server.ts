/**
 * The controller as a running server: stores, balancer, conductor loop and REST API around invokers that are given to
 * it. What kind of invokers they are is not its business.
 */
import { type Allocation, type Clock, type Config, HarvestError, messageOf } from "@openwhisk-harvest/core";
import { Balancer, placementPolicy } from "@openwhisk-harvest/placement";
import type { FastifyInstance } from "fastify";
import { mayUseAction } from "./auth.js";
import type { Logger } from "./container/logger.js";
import { Admission } from "./controller/admission.js";
import { Draining } from "./controller/draining.js";
import { InFlight } from "./controller/in-flight.js";
import { createController } from "./controller/invoke-action.js";
import type { ControllerParts } from "./controller/parts.js";
import { findAction } from "./controller/resolve-action.js";
import { ActivationRunner } from "./controller/run-activation.js";
import { Throttle } from "./controller/throttle.js";
import { waitAtMost } from "./controller/wait.js";
import { entityLimits } from "./entity-limits.js";
import { newActivationId, newTransactionId } from "./ids.js";
import type { Invoker, ResolveTerms } from "./messages.js";
import { createRestServer } from "./rest/server.js";
import type { Runtimes } from "./runtimes.js";
import type { Identities } from "./storage/identities.js";
import { openStorage, type Storage } from "./storage/open-storage.js";

/**
 * Connections that the kernel keeps for a server that is busy: one too many is tried again by its client's kernel,
 * seconds later.
 */
const BACKLOG = 4_096;
/** How long close() waits for the records of what has been cut off when the containers are taken away. */
const CUT_OFF_MS = 5_000;
/** And how long for clients to take their answers. */
const LAST_ANSWERS_MS = 1_000;

export interface ControllerServerOptions {
  readonly config: Config["standalone"];
  /** Steps of the grid. */
  readonly step: Allocation;
  /** Of all invokers together. */
  readonly capacity: Allocation;
  readonly dataDir: string;
  /** CouchDB with its user and password; embedded when absent. */
  readonly couchdbUrl?: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly runtimes: Runtimes;
}

/** Invokers and the resolver of terms may need to know where the API is, so they are made when that is known. */
export interface InvokerSide {
  readonly invokers: readonly Invoker[];
  readonly resolveTerms: ResolveTerms;
}

export interface ControllerServer {
  /** `http://address:port` */
  readonly apihost: string;
  readonly identities: Identities;
  readonly balancer: Balancer;
  /** Activations that clients have asked for and that have not ended. */
  inFlight(): number;
  /** Lets close() wait no longer for what is in flight. */
  endDrain(): void;
  close(): Promise<void>;
}

/**
 * OWH_BAD_CONFIG when the port is taken or the data folder cannot be used, OWH_STORE_UNAVAILABLE without CouchDB.
 * Nothing stays behind then.
 */
export async function startControllerServer(
  options: ControllerServerOptions,
  createInvokerSide: (apihost: string) => Promise<InvokerSide>,
): Promise<ControllerServer> {
  const { config, runtimes, clock, logger } = options;
  const { dataDir, couchdbUrl } = options;
  const couchdb = couchdbUrl === undefined ? {} : { couchdb: { url: couchdbUrl, prefix: config.databasePrefix } };
  const storage = await openStorage({ dataDir, logger, clock, ...couchdb });
  const limits = entityLimits(config);
  const throttle = new Throttle({ ...config, firesPerMinute: limits.firesPerMinute }, clock);
  const inFlight = new InFlight(logger);
  const draining = new Draining();
  const running = lateBound<Running>();
  const controller = controllerOf(options, storage, running.value, inFlight);
  const invokers = async () => (await running.value).balancer.invokers();
  const app = createRestServer(
    { config, ...storage, controller, throttle, limits, runtimes, draining, clock, invokers, failing: () => storage.failing },
    logger,
  );
  let side: InvokerSide;
  let apihost: string;
  try {
    apihost = await listen(app, config);
    side = await createInvokerSide(apihost);
  } catch (error) {
    await app.close();
    await storage.close();
    throw error;
  }
  const parts = runningOf(options, side, storage, draining);
  running.bind(parts);
  let closing: Promise<void> | undefined;
  const drain = lateBound<void>();
  return {
    apihost,
    identities: storage.identities,
    balancer: parts.balancer,
    inFlight: () => inFlight.size,
    endDrain: () => drain.bind(),
    close: () => {
      closing ??= close({
        app,
        draining,
        inFlight,
        invokers: side.invokers,
        storage,
        clock,
        drainMs: config.drainMs,
        drainEnded: drain.value,
      });
      return closing;
    },
  };
}

interface Running {
  readonly runner: ActivationRunner;
  readonly balancer: Balancer;
}

function runningOf(options: ControllerServerOptions, side: InvokerSide, { activations }: Storage, draining: Draining): Running {
  const { clock, logger } = options;
  const balancer = createBalancer(options, side.invokers);
  const invokers = new Map(side.invokers.map((invoker) => [invoker.id, invoker]));
  const { resolveTerms } = side;
  return { balancer, runner: new ActivationRunner({ resolveTerms, balancer, invokers, activations, draining, clock, logger }) };
}

function controllerOf(
  { config, capacity, clock, logger }: ControllerServerOptions,
  { entities, activations }: Storage,
  running: Promise<Running>,
  inFlight: InFlight,
): ControllerParts {
  const limits = { ...config, capacity };
  const onEnd = () => void running.then(({ balancer }) => balancer.wake());
  return createController(
    {
      config,
      activations,
      findAction: (name) => findAction(entities, name),
      mayUse: (user, name) => mayUseAction(entities, user, name),
      onStepFailed: (error) => logger.warn({ reason: messageOf(error) }, "a step of a sequence or composition could not be run"),
      clock,
      admission: new Admission(limits, clock, onEnd),
      newActivationId,
      newTransactionId,
    },
    async (message, within) => (await running).runner.submit(message, within),
    inFlight,
  );
}

interface Closing {
  readonly app: FastifyInstance;
  readonly draining: Draining;
  readonly inFlight: InFlight;
  readonly invokers: readonly Invoker[];
  readonly storage: Storage;
  readonly clock: Clock;
  readonly drainMs: number;
  readonly drainEnded: Promise<void>;
}

/** Nothing new, then what runs (which may still invoke), then the containers, then the last answers and records. */
async function close({ app, draining, inFlight, invokers, storage, clock, drainMs, drainEnded }: Closing): Promise<void> {
  draining.begin();
  await waitAtMost(clock, Promise.race([inFlight.idle(), drainEnded]), drainMs);
  const closed = app.close();
  await Promise.all(invokers.map((invoker) => invoker.close()));
  await waitAtMost(clock, inFlight.idle(), CUT_OFF_MS);
  await waitAtMost(clock, closed, LAST_ANSWERS_MS);
  app.server.closeAllConnections();
  await closed;
  await storage.close();
}

function createBalancer({ config, step, clock }: ControllerServerOptions, invokers: readonly Invoker[]): Balancer {
  const { conductorMemoryShare, placement } = config;
  const policy = placementPolicy(placement);
  const queueLength = Number.POSITIVE_INFINITY; // what waits was let in: the bound is admission's
  return new Balancer({ policy, invokers, step, conductorMemoryShare, leavesRoom: true, queueLength, clock });
}

async function listen(app: FastifyInstance, { host, port }: Config["standalone"]): Promise<string> {
  try {
    return await app.listen({ host, port, backlog: BACKLOG });
  } catch (error) {
    throw new HarvestError("OWH_BAD_CONFIG", `The embedded OpenWhisk cannot listen on ${host}:${port}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** The API listens before there are invokers, for these want its address; what comes in meanwhile waits. */
function lateBound<T>(): { readonly value: Promise<T>; readonly bind: (value: T) => void } {
  let bind: (value: T) => void = () => undefined;
  const value = new Promise<T>((resolve) => {
    bind = resolve;
  });
  return { value, bind };
}
