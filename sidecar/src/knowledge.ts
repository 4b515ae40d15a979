/** What is known of a workflow: its DAG description and its newest usable model, both cached for `decision.cacheMs`. */
import {
  type Clock,
  type DagDescription,
  type DagPin,
  type DagStore,
  HarvestError,
  type Model,
  type ModelStore,
  messageOf,
  type PinStore,
  type PolicyName,
} from "@openwhisk-harvest/core";
import type { Logger } from "pino";
import { Breaker } from "./breaker.js";
import { checkDag } from "./dag-check.js";
import { withinDeadline } from "./deadline.js";
import { FreshCache } from "./fresh-cache.js";
import type { SidecarMetrics } from "./metrics.js";

/** The hook has long gone on by then; this only keeps a hanging store from holding requests for ever. */
const LOAD_DEADLINE_MS = 2_000;
/** Some KB each. */
const DAGS_KEPT = 2_000;
/** Up to some MB each. */
const MODELS_KEPT = 200;

export interface KnowledgeOptions {
  readonly dags: DagStore;
  readonly models: ModelStore;
  /** Which policy is used instead of the configured one; without them always that. */
  readonly pins?: PinStore;
  readonly cacheMs: number;
  readonly clock: Clock;
  readonly metrics: SidecarMetrics;
  readonly logger: Logger;
}

export class Knowledge {
  readonly #options: KnowledgeOptions;
  readonly #dags: FreshCache<DagDescription>;
  readonly #models: FreshCache<Model>;
  readonly #pins: FreshCache<DagPin>;
  readonly #breaker: Breaker;

  constructor(options: KnowledgeOptions) {
    this.#options = options;
    this.#breaker = new Breaker("The document store", (state) => options.metrics.breakerIs("documents", state));
    const { clock, cacheMs: freshMs } = options;
    this.#dags = new FreshCache({
      clock,
      freshMs,
      capacity: DAGS_KEPT,
      keepsAbsence: false, // a run may follow its deployment at once
      load: (key) => this.#loadDag(key),
      onLoadFailed: (error) => this.#report("dag", error),
    });
    this.#models = new FreshCache({
      clock,
      freshMs,
      capacity: MODELS_KEPT,
      keepsAbsence: true, // most workflows have no model, and none comes between two requests
      load: (key) => this.#loadModel(key),
      onLoadFailed: (error) => this.#report("model", error),
    });
    this.#pins = new FreshCache({
      clock,
      freshMs,
      capacity: DAGS_KEPT,
      keepsAbsence: true, // hardly any DAG has a pin
      load: async (key) => this.#ask("Reading a pin", async () => options.pins?.get(...partsOf(key))),
      onLoadFailed: (error) => this.#report("dag", error),
    });
  }

  /**
   * OWH_NOT_FOUND when there is none; OWH_STORE_UNAVAILABLE or OWH_DEADLINE when the store fails and none is
   * remembered.
   */
  async dag(namespace: string, name: string): Promise<DagDescription> {
    const dag = await this.#dags.get(keyOf(namespace, name));
    if (!dag) throw new HarvestError("OWH_NOT_FOUND", `There is no DAG ${JSON.stringify(name)} in the namespace ${namespace}.`);
    return dag;
  }

  /** Undefined when none is stored, and also when it cannot be read: without a model every function keeps U (H3). */
  async model(namespace: string, dag: string): Promise<Model | undefined> {
    try {
      return await this.#models.get(keyOf(namespace, dag));
    } catch (error) {
      this.#options.logger.debug({ namespace, dag, reason: messageOf(error) }, "decided without a model");
      return undefined;
    }
  }

  /** The policy that is pinned to a DAG; undefined when none is, or when the store does not answer. */
  async policy(namespace: string, dag: string): Promise<PolicyName | undefined> {
    try {
      return (await this.#pins.get(keyOf(namespace, dag)))?.policy;
    } catch (error) {
      this.#options.logger.debug({ namespace, dag, reason: messageOf(error) }, "decided by the configured policy");
      return undefined;
    }
  }

  /** Another model or policy was pinned, or none any more. */
  forgetModel(namespace: string, dag: string): void {
    this.#models.forget(keyOf(namespace, dag));
    this.#pins.forget(keyOf(namespace, dag));
  }

  /** A description was replaced. Its models stay: they say themselves for which version they were trained. */
  forgetDag(namespace: string, name: string): void {
    this.#dags.forget(keyOf(namespace, name));
  }

  async #loadDag(key: string): Promise<DagDescription | undefined> {
    const { dags } = this.#options;
    const [namespace, name] = partsOf(key);
    const dag = await this.#ask("Reading a DAG", () => dags.get(namespace, name));
    if (dag) checkDag(dag);
    return dag;
  }

  async #loadModel(key: string): Promise<Model | undefined> {
    const { models, metrics, logger } = this.#options;
    const [namespace, dag] = partsOf(key);
    try {
      return await this.#ask("Reading a model", () => models.latest(namespace, dag));
    } catch (error) {
      if (!(error instanceof HarvestError) || (error.code !== "OWH_BAD_MODEL" && error.code !== "OWH_MODEL_TOO_NEW")) throw error;
      metrics.modelUnusable();
      logger.warn({ namespace, dag, code: error.code, reason: error.message }, "a model cannot be used");
      return undefined;
    }
  }

  /** A store that hangs counts as one that is away. */
  #ask<T>(what: string, work: () => Promise<T>): Promise<T> {
    return this.#breaker.run(() => withinDeadline(this.#options.clock, LOAD_DEADLINE_MS, what, work()));
  }

  #report(operation: "dag" | "model", error: unknown): void {
    const { metrics, logger } = this.#options;
    const isMalformed = error instanceof HarvestError && error.class === "rejected";
    if (!isMalformed) metrics.storeFailed("documents", operation);
    logger.warn({ operation, reason: messageOf(error) }, isMalformed ? "a stored document is malformed" : "the document store failed");
  }
}

function keyOf(namespace: string, name: string): string {
  return JSON.stringify([namespace, name]);
}

function partsOf(key: string): [namespace: string, name: string] {
  return JSON.parse(key) as [string, string];
}
