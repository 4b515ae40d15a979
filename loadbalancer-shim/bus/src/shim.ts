/**
 * The bus adapter as a running part: checks the cluster, makes its topics, and serves terms whenever it is given the
 * charge.
 */
import { type Clock, type Config, HarvestError, messageOf } from "@openwhisk-harvest/core";
import { placementPolicy } from "@openwhisk-harvest/placement";
import type { RunKeyWriter, StoreLogger } from "@openwhisk-harvest/stores/redis";
import type { ActionReader } from "./action-reader.js";
import { Pinger } from "./pinger.js";
import type { Bus, Election } from "./port.js";
import { coreSettings } from "./settings.js";
import { refuseScheduler, Term } from "./term.js";
import { schedulerTopics, TOPIC_SETTINGS, topicNames } from "./topics.js";

/** Pause before the term after one that broke. */
const AFTER_FAILURE_MS = 500;

export interface ShimParts {
  readonly config: Config["shim"];
  readonly bus: Bus;
  readonly actions: ActionReader;
  /** Absent: no keys are written for agents. */
  readonly keys?: RunKeyWriter;
  readonly clock: Clock;
  readonly logger: StoreLogger;
}

export class Shim {
  readonly #parts: ShimParts;
  readonly #election: Election;
  readonly #pinger: Pinger;
  readonly #stopped = new AbortController();
  readonly #running: Promise<unknown>;
  #term: Term | undefined;

  private constructor(parts: ShimParts, election: Election) {
    this.#parts = parts;
    this.#election = election;
    const { bus, clock, logger, config } = parts;
    const names = topicNames(config);
    this.#pinger = new Pinger({
      sender: bus.sender(),
      topic: names.health,
      clock,
      ready: () => this.#term?.isReady,
      onFailure: (error) => logger.warn({ reason: messageOf(error) }, "the ping was not sent"),
    });
    this.#running = Promise.all([this.#serveTerms(), this.#pinger.run(this.#stopped.signal), this.#listen(names.health)]);
  }

  /** OWH_BAD_CONFIG for a cluster on the FPC scheduler, OWH_STORE_UNAVAILABLE when Kafka does not answer. */
  static async start(parts: ShimParts): Promise<Shim> {
    const { bus, config } = parts;
    const names = topicNames(config);
    refuseScheduler(schedulerTopics(await bus.topics(), config.controllerPrefix));
    // No other part makes these (openwhisk-protocol, 2.8.2), and without them producers wait.
    await bus.createTopic(names.virtualInvoker, TOPIC_SETTINGS.invoker);
    await bus.createTopic(names.health, TOPIC_SETTINGS.health);
    await bus.createTopic(names.realHealth, TOPIC_SETTINGS.health);
    return new Shim(parts, await bus.election(names.virtualInvoker, names.virtualInvoker, config.sessionTimeoutMs));
  }

  get inCharge(): boolean {
    return this.#term !== undefined;
  }

  /**
   * Gives the charge to another replica, which finds all it needs in the topics; as the only one, tells the controllers
   * that there is no invoker any more, and sees what is in flight to its end.
   */
  async stop(): Promise<void> {
    const alone = (await this.#election.members()) <= 1;
    if (alone && this.#term) {
      await this.#pinger.disable();
      await this.#term.drain(this.#parts.config.drainMs);
    }
    this.#stopped.abort();
    this.#term?.end();
    await this.#election.leave();
    await this.#running;
    await this.#parts.bus.close();
  }

  async #serveTerms(): Promise<void> {
    const { clock, logger } = this.#parts;
    for (let charge = await this.#election.won(); charge && !this.#stopped.signal.aborted; charge = await this.#election.won()) {
      try {
        await this.#serveTerm(charge);
      } catch (error) {
        logger.error({ reason: messageOf(error), code: error instanceof HarvestError ? error.code : undefined }, "the term broke");
        await clock.sleep(AFTER_FAILURE_MS, this.#stopped.signal).catch(() => undefined); // stopped
      }
    }
  }

  async #serveTerm(charge: AbortSignal): Promise<void> {
    const { bus, config, actions, keys, clock, logger } = this.#parts;
    const term = await Term.begin({
      bus,
      names: topicNames(config),
      prefixes: config,
      settings: coreSettings(config),
      policy: placementPolicy(config.placement),
      actions,
      ...(keys && { keys }),
      election: this.#election,
      clock,
      logger,
    });
    this.#term = term;
    const end = () => term.end();
    const over = AbortSignal.any([charge, this.#stopped.signal]);
    over.addEventListener("abort", end);
    if (over.aborted) end();
    try {
      await term.done();
    } finally {
      over.removeEventListener("abort", end);
      this.#term = undefined;
    }
  }

  /** What controllers are told, by whichever replica. */
  async #listen(health: string): Promise<void> {
    const { bus, clock, logger } = this.#parts;
    while (!this.#stopped.signal.aborted) {
      try {
        const { end } = (await bus.bounds([health])).get(health) ?? { end: 0n };
        await bus.read(health, end, (records) => this.#pinger.heard(records), this.#stopped.signal);
      } catch (error) {
        if (this.#stopped.signal.aborted) break;
        logger.warn({ reason: messageOf(error) }, "the controllers' pings cannot be read");
        await clock.sleep(AFTER_FAILURE_MS, this.#stopped.signal).catch(() => undefined); // stopped
      }
    }
  }
}
