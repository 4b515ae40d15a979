/** One invoker of the embedded OpenWhisk: takes an activation and its terms, finds it a container, runs it, and makes its record. */
import { hostname } from "node:os";
import { Node, type PlanSource, Reporter } from "@openwhisk-harvest/applier";
import {
  type Allocation,
  type AllocationStore,
  type Clock,
  type Grid,
  HarvestError,
  messageOf,
  type SigningKey,
  systemClock,
} from "@openwhisk-harvest/core";
import type { ContainerDriver } from "../container/driver.js";
import type { Logger } from "../container/logger.js";
import type { ActivationMessage, ActivationRecord, ActivationTerms, CodeExec, Invoker } from "../messages.js";
import { type ActivationFacts, activationRecord } from "./activation-record.js";
import { type Applier, type FinishedRun, runActivation, runMemoryMb } from "./activation-run.js";
import { ContainerPool, type ContainerRequest, type Lease } from "./container-pool.js";
import { developerError, MESSAGES, whiskError } from "./response-mapping.js";

export interface InvokerOptions {
  readonly id: number;
  /** What it has to give. Permits are the load balancer's; here the memory bounds the containers, idle ones included. */
  readonly capacity: Allocation;
  /** May serve several invokers. Closing it is its owner's. */
  readonly driver: ContainerDriver;
  /** The grid in force; what is given to runs under way lies on it (H2). */
  readonly grid: Grid;
  /** Where observations and events go, and plans come from; nowhere when absent. */
  readonly allocations?: Pick<AllocationStore, "putObservation" | "appendEvent"> & Partial<PlanSource>;
  /** Believes only plans that are signed with it; all when absent. */
  readonly signingKey?: SigningKey;
  /** `node-agent`: containers keep the limits that they are created with, and nothing is observed here. @defaultValue embedded */
  readonly applier?: Applier;
  /** Added to the environment of conductors, e.g. how they reach Redis. */
  readonly conductorEnvironment?: Readonly<Record<string, string>>;
  /** CPU limit of conductors' containers, which hold no CPU permit; none when absent. */
  readonly conductorCpuCores?: number;
  /** `__OW_API_HOST` of all containers, e.g. `http://127.0.0.1:3233`. */
  readonly apiHost: string;
  /** Idle time after which a warm container is removed. */
  readonly idleContainerMs: number;
  /** Idle time after which a container is paused, where that is not done at once. 10 s when absent. */
  readonly pauseGraceMs?: number;
  /** Longest result, in bytes. */
  readonly payloadMaxBytes: number;
  readonly sampling: { readonly periodMs: number; readonly windowMs: number };
  readonly clock?: Clock;
  readonly logger: Logger;
}

export function createInvoker(options: InvokerOptions): Invoker {
  return new ContainerInvoker(options);
}

class ContainerInvoker implements Invoker {
  readonly id: number;
  readonly capacity: Allocation;
  readonly #options: InvokerOptions;
  readonly #clock: Clock;
  readonly #pool: ContainerPool;
  readonly #node: Node;

  constructor(options: InvokerOptions) {
    const { id, capacity, idleContainerMs, pauseGraceMs, clock = systemClock } = options;
    this.id = id;
    this.capacity = capacity;
    this.#options = options;
    this.#clock = clock;
    const pause = pauseGraceMs === undefined ? {} : { pauseGraceMs };
    this.#pool = new ContainerPool({ capacityMb: capacity.memoryMb, idleContainerMs, ...pause, clock });
    this.#node = nodeOf(options, this.#clock);
  }

  get enforcement() {
    return this.#options.driver.enforcement;
  }

  hasWarmContainer(message: ActivationMessage): boolean {
    return this.#pool.hasIdle(containerKey(message));
  }

  lend(activationId: string): () => void {
    return this.#node.lend(activationId);
  }

  async run(message: ActivationMessage, terms: ActivationTerms): Promise<ActivationRecord> {
    const facts = await this.#serve(message, terms);
    return activationRecord(message, facts, this.#clock.nowMs());
  }

  async close(): Promise<void> {
    await this.#node.close();
    await this.#pool.close();
  }

  async #serve(message: ActivationMessage, terms: ActivationTerms): Promise<ActivationFacts> {
    let lease: Lease;
    try {
      lease = await this.#pool.acquire(this.#requestOf(message, terms));
    } catch (error) {
      return this.#notStarted(message, error);
    }
    let finished: FinishedRun | undefined;
    try {
      finished = await runActivation(lease, { message, terms }, { ...this.#options, clock: this.#clock, node: this.#node });
      return finished.facts;
    } catch (error) {
      return this.#failed(message, error, MESSAGES.abnormalRun);
    } finally {
      lease.release(finished?.reusable ?? false);
    }
  }

  /** An image that its user has named wrongly is his error, everything else is ours (ContainerProxy.scala:326-339). */
  #notStarted(message: ActivationMessage, error: unknown): ActivationFacts {
    if (!(error instanceof HarvestError && error.code === "OWH_NOT_FOUND"))
      return this.#failed(message, error, MESSAGES.resourceProvisionError);
    return { response: developerError(error.message), timedOut: false, logs: [] };
  }

  #failed({ activationId }: ActivationMessage, error: unknown, text: string): ActivationFacts {
    this.#options.logger.error({ activationId, invoker: this.id, error: messageOf(error) }, text);
    return { response: whiskError(text), timedOut: false, logs: [] };
  }

  #requestOf(message: ActivationMessage, terms: ActivationTerms): ContainerRequest {
    const { driver, apiHost, conductorEnvironment = {} } = this.#options;
    const memoryLimitMb = runMemoryMb(terms);
    return {
      key: containerKey(message),
      memoryMb: memoryLimitMb,
      idleMemoryMb: terms.user.memoryMb,
      start: () =>
        driver.create({
          name: `${message.user.namespace}_${message.action.name}`,
          kind: message.action.exec.kind,
          ...imageOf(message.action.exec),
          memoryLimitMb,
          environment: { __OW_API_HOST: apiHost, ...(terms.conductor ? conductorEnvironment : {}) },
        }),
    };
  }
}

function nodeOf({ id, capacity, grid, driver, allocations, signingKey, sampling, logger }: InvokerOptions, clock: Clock): Node {
  const { plans, watchPlans } = allocations ?? {};
  return new Node({
    name: `${hostname()}/${process.pid}/invoker${id}`,
    ...{ capacity, grid, sampling, clock, logger },
    enforcement: driver.enforcement,
    reporter: new Reporter(allocations, { clock, logger }),
    ...(plans && watchPlans && { plans: { plans: plans.bind(allocations), watchPlans: watchPlans.bind(allocations) } }),
    ...(signingKey && { signing: signingKey }),
  });
}

/** A warm container serves one namespace and one revision of one action only (openwhisk-protocol, 2.8.21). */
function containerKey({ user, action }: ActivationMessage): string {
  return JSON.stringify([user.namespace, action.namespace, action.name, action.rev]);
}

/** Blackbox actions name their image. */
function imageOf(exec: CodeExec): { readonly image?: string } {
  return exec.image === undefined ? {} : { image: exec.image };
}
