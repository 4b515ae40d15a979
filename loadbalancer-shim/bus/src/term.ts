/**
 * One term of being in charge: look what the last one left, then carry activations to invokers and their ends back,
 * until the charge is lost, something breaks, or the shim is stopped. After a failure the next term begins as after a
 * crash; nothing is patched up.
 */
import { type Clock, HarvestError } from "@openwhisk-harvest/core";
import type { PlacementPolicy } from "@openwhisk-harvest/placement";
import type { RunKeyWriter, StoreLogger } from "@openwhisk-harvest/stores/redis";
import type { ActionReader } from "./action-reader.js";
import { Checkpoint } from "./checkpoint.js";
import type { CoreSettings, Effect, ShimEvent } from "./events.js";
import { PROBE_CONTROLLER } from "./messages.js";
import type { Bus, BusMessage, BusRecord, Election, Sender } from "./port.js";
import { ShimCore } from "./shim-core.js";
import { idsOf, TOPIC_SETTINGS, type TopicNames } from "./topics.js";

/** How often time passes for the core, and how often it is noted how far the topics have been dealt with. */
const TICK_MS = 100;
const NOTE_MS = 500;

export interface TermParts {
  readonly bus: Bus;
  readonly names: TopicNames;
  readonly prefixes: { readonly controllerPrefix: string; readonly invokerPrefix: string };
  readonly settings: CoreSettings;
  readonly policy: PlacementPolicy;
  readonly actions: ActionReader;
  readonly keys?: RunKeyWriter;
  readonly election: Election;
  readonly clock: Clock;
  readonly logger: StoreLogger;
}

type Of<T extends Effect["type"]> = Extract<Effect, { type: T }>;

/** As long as controllers wait for a ping (openwhisk-protocol, 2.8.11). */
const FIRST_TESTS_MS = 10_000;

export class Term {
  readonly #parts: TermParts;
  readonly #forwards: Sender;
  readonly #acks: Sender;
  readonly #core: ShimCore;
  readonly #checkpoint: Checkpoint;
  readonly #ackOffsets = new Map<string, bigint>();
  readonly #invokerTopics: Set<string>;
  readonly #controllers = new Map<string, Promise<void>>();
  readonly #over = new AbortController();
  readonly #intake = new AbortController();
  readonly #loops: Promise<void>[] = [];
  #acksSending: Promise<unknown> = Promise.resolve();
  #wakeIntake: () => void = () => undefined;
  #failure: unknown;
  #wasReady = false;
  readonly #begunAtMs: number;

  private constructor(parts: TermParts, forwards: Sender, found: Found) {
    this.#parts = parts;
    this.#begunAtMs = parts.clock.monotonicMs();
    this.#forwards = forwards;
    this.#acks = parts.bus.sender();
    this.#invokerTopics = new Set(found.invokerTopics);
    this.#core = new ShimCore(parts.settings, parts.policy, found.nextOffset, found.endOffset);
    this.#checkpoint = new Checkpoint({
      bus: parts.bus,
      group: checkpointGroup(parts),
      core: this.#core,
      virtualTopic: parts.names.virtualInvoker,
      invokerTopics: () => [...this.#invokerTopics],
      ackOffsets: () => this.#ackOffsets,
      acksSent: async () => void (await this.#acksSending),
    });
  }

  /** Resolves when the last term has been locked out, what it left has been read, and activations are being carried. */
  static async begin(parts: TermParts): Promise<Term> {
    const forwards = await parts.bus.fencedSender(`${parts.prefixes.invokerPrefix}harvest-shim`);
    const found = await find(parts);
    const term = new Term(parts, forwards, found);
    for (const [topic, { from, to }] of found.toRecover) await term.#recover(topic, from, to);
    parts.logger.info({ inFlight: term.#core.inFlight, ...found.summary }, "in charge");
    for (const controller of found.controllers) await term.#serve(controller, found.ackOffsets);
    term.#start(found.nextOffset);
    return term;
  }

  /**
   * Whether there is an invoker to offer. Undefined while it is not known: a term begins with tests of all invokers,
   * and what the term before it said stands until one has passed, or there was time for it.
   */
  get isReady(): boolean | undefined {
    if (this.#core.isReady) this.#wasReady = true;
    else if (!this.#wasReady && this.#parts.clock.monotonicMs() - this.#begunAtMs < FIRST_TESTS_MS) return undefined;
    return this.#core.isReady;
  }

  /** Resolves when the term is over, whyever. Rejects with the failure that ended it. */
  async done(): Promise<void> {
    if (!this.#over.signal.aborted) await new Promise((resolve) => this.#over.signal.addEventListener("abort", resolve));
    await Promise.allSettled(this.#loops);
    await Promise.allSettled([this.#acks.close(), this.#forwards.close()]);
    this.#parts.logger.info({ ...this.#core.counts, inFlight: this.#core.inFlight }, "no longer in charge");
    if (this.#failure !== undefined) throw this.#failure;
  }

  end(): void {
    this.#over.abort();
    this.#intake.abort();
    this.#wakeIntake();
  }

  /** Reads no more activations, and resolves when all that were read have ended, or after `drainMs`. */
  async drain(drainMs: number): Promise<void> {
    this.#intake.abort();
    this.#wakeIntake();
    const { clock } = this.#parts;
    const untilMs = clock.monotonicMs() + drainMs;
    while (this.#core.inFlight > 0 && clock.monotonicMs() < untilMs && !this.#over.signal.aborted) await clock.sleep(TICK_MS);
    if (!this.#over.signal.aborted) await this.#note();
  }

  #start(nextOffset: bigint): void {
    const { names, bus } = this.#parts;
    const { signal } = this.#over;
    this.#loop(async () => {
      const at = (await bus.bounds([names.realHealth])).get(names.realHealth)?.end ?? 0n;
      await bus.read(names.realHealth, at, (records) => this.#onPings(records), signal);
    });
    const intake = AbortSignal.any([signal, this.#intake.signal]);
    this.#loop(() => bus.read(names.virtualInvoker, nextOffset, (records) => this.#onActivations(records, intake), intake));
    this.#loop(() => this.#every(TICK_MS, async () => this.#dispatch({ type: "tick" })));
    this.#loop(() => this.#every(NOTE_MS, () => this.#note()));
  }

  /** What a part of the term does; when it fails, the term is over. */
  #loop(run: () => Promise<void>): void {
    this.#loops.push(
      run().catch((error: unknown) => {
        if (!this.#over.signal.aborted) this.#failure ??= error;
        this.end();
      }),
    );
  }

  async #every(ms: number, run: () => Promise<void>): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      await run();
      await this.#parts.clock.sleep(ms, signal).catch(() => undefined); // over
    }
  }

  async #recover(topic: string, from: bigint, to: bigint): Promise<void> {
    if (from >= to) return;
    const invoker = Number(topic.slice(this.#parts.names.realInvoker(0).length - 1));
    const reached = new AbortController();
    await this.#parts.bus.read(
      topic,
      from,
      (records, next) => {
        for (const { timestampMs, value } of records) this.#dispatch({ type: "recovered", invoker, timestampMs, value });
        if (next >= to) reached.abort();
      },
      reached.signal,
    );
  }

  /**
   * Reads the acknowledgements for a controller; before its first activation is forwarded, so that the invoker finds
   * the topic.
   */
  #serve(controller: string, offsets: ReadonlyMap<string, bigint> = new Map()): Promise<void> {
    const known = this.#controllers.get(controller);
    if (known !== undefined) return known;
    const { bus, names } = this.#parts;
    const topic = names.realCompleted(controller);
    const serving = (async () => {
      await bus.createTopic(topic, TOPIC_SETTINGS.completed);
      const from = offsets.get(topic) ?? 0n;
      this.#ackOffsets.set(topic, from);
      this.#loop(() => bus.read(topic, from, (records, next) => this.#onAcks(controller, topic, records, next), this.#over.signal));
    })();
    this.#controllers.set(controller, serving);
    return serving;
  }

  #onPings(records: readonly BusRecord[]): void {
    for (const { timestampMs, value } of records) this.#dispatch({ type: "ping", timestampMs, value });
  }

  async #onAcks(controller: string, topic: string, records: readonly BusRecord[], next: bigint): Promise<void> {
    for (const { value } of records) this.#dispatch({ type: "ack", controller, value });
    this.#ackOffsets.set(topic, next);
    // Reading on waits for the sending: what cannot be passed on stays in Kafka.
    await this.#acksSending;
  }

  async #onActivations(records: readonly BusRecord[], signal: AbortSignal): Promise<void> {
    for (const { offset, timestampMs, value } of records) {
      while (!this.#core.wantsMore && !signal.aborted) await this.#intakeWoken();
      if (signal.aborted) return;
      this.#dispatch({ type: "activation", offset, timestampMs, value });
    }
  }

  #intakeWoken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wakeIntake = resolve;
    });
  }

  #dispatch(event: ShimEvent): void {
    const effects = this.#core.handle(event, this.#parts.clock.nowMs());
    const acks: BusMessage[] = [];
    for (const effect of effects) this.#carryOut(effect, acks);
    if (acks.length > 0) this.#sendAcks(acks);
    if (this.#core.wantsMore) this.#wakeIntake();
  }

  #carryOut(effect: Effect, acks: BusMessage[]): void {
    const { names, logger } = this.#parts;
    switch (effect.type) {
      case "read-action":
        this.#task(() => this.#readAction(effect));
        break;
      case "forward":
        this.#task(() => this.#forward(effect));
        break;
      case "ack":
        acks.push({ topic: names.completed(effect.controller), value: effect.value, ...(effect.small && { small: effect.small }) });
        break;
      case "probe":
        this.#task(() => this.#sendProbe(effect));
        break;
      case "log":
        logger[effect.level](effect.fields, effect.message);
    }
  }

  /** A piece of work that nothing waits for; when it fails, the term is over. */
  #task(run: () => Promise<void>): void {
    run().catch((error: unknown) => {
      if (!this.#over.signal.aborted) this.#failure ??= error;
      this.end();
    });
  }

  #sendAcks(acks: readonly BusMessage[]): void {
    const sent = this.#acks.send(acks);
    this.#acksSending = Promise.all([this.#acksSending, sent]).then(() => undefined);
    this.#task(() => sent);
  }

  async #readAction({ activationId, action, revision }: Of<"read-action">): Promise<void> {
    const facts = await this.#parts.actions.read(action, revision);
    this.#dispatch({ type: "action-read", activationId, facts });
  }

  async #forward({ activationId, invoker, controller, value, keys }: Of<"forward">): Promise<void> {
    if (keys.length > 0) await this.#parts.keys?.put(keys);
    await this.#serve(controller);
    const topic = this.#parts.names.realInvoker(invoker);
    this.#invokerTopics.add(topic);
    await this.#forwards.send([{ topic, value }]);
    this.#dispatch({ type: "forwarded", activationId });
  }

  async #sendProbe({ invoker, value }: Of<"probe">): Promise<void> {
    await this.#serve(PROBE_CONTROLLER);
    await this.#acks.send([{ topic: this.#parts.names.realInvoker(invoker), value }]);
  }

  async #note(): Promise<void> {
    await this.#parts.election.commit(this.#core.committable);
    this.#core.committed();
    await this.#checkpoint.advance();
  }
}

export function checkpointGroup({ prefixes }: Pick<TermParts, "prefixes">): string {
  return `${prefixes.invokerPrefix}harvest-checkpoint`;
}

/** What the topics say about the terms before. */
interface Found {
  readonly invokerTopics: readonly string[];
  readonly controllers: readonly string[];
  readonly nextOffset: bigint;
  readonly endOffset: bigint;
  readonly ackOffsets: ReadonlyMap<string, bigint>;
  readonly toRecover: ReadonlyMap<string, { readonly from: bigint; readonly to: bigint }>;
  /** For the log. */
  readonly summary: object;
}

async function find(parts: TermParts): Promise<Found> {
  const { bus, names, prefixes } = parts;
  const all = await bus.topics();
  const invokerTopics = idsOf(all, prefixes.invokerPrefix, "invoker")
    .filter((id) => /^\d+$/.test(id))
    .map((id) => names.realInvoker(Number(id)));
  const behind = idsOf(all, prefixes.invokerPrefix, "completed");
  const controllers = [...new Set([...idsOf(all, prefixes.controllerPrefix, "completed"), ...behind, PROBE_CONTROLLER])];
  const ackTopics = behind.map(names.realCompleted);
  const checkpoint = await bus.committed(checkpointGroup(parts));
  const bounds = await bus.bounds([names.virtualInvoker, ...invokerTopics, ...ackTopics]);
  const boundsOf = (topic: string) => bounds.get(topic) ?? { start: 0n, end: 0n };
  const isFirst = checkpoint.size === 0;
  // Before the first term nothing of what stands behind the prefix is ours. A topic that came after the checkpoint is
  // read whole.
  const fromOf = (topic: string) => checkpoint.get(topic) ?? (isFirst ? boundsOf(topic).end : boundsOf(topic).start);
  const ofGroup = await bus.committed(names.virtualInvoker);
  const nextOffset = checkpoint.get(names.virtualInvoker) ?? ofGroup.get(names.virtualInvoker) ?? boundsOf(names.virtualInvoker).start;
  const ackOffsets = new Map(ackTopics.map((topic) => [topic, fromOf(topic)]));
  if (isFirst) {
    const ends = invokerTopics.map((topic): [string, bigint] => [topic, boundsOf(topic).end]);
    await bus.commit(checkpointGroup(parts), new Map([...ends, ...ackOffsets, [names.virtualInvoker, nextOffset]]));
  }
  const toRecover = new Map(invokerTopics.map((topic) => [topic, { from: fromOf(topic), to: boundsOf(topic).end }]));
  const ranges = [...toRecover].map(([topic, { from, to }]) => `${topic} ${from}..${to}`);
  return {
    invokerTopics,
    controllers,
    nextOffset,
    endOffset: boundsOf(names.virtualInvoker).end,
    ackOffsets,
    toRecover,
    summary: { activationsFrom: String(nextOffset), recovered: ranges, acksFrom: [...ackOffsets].map(([topic, at]) => `${topic} ${at}`) },
  };
}

/** OWH_BAD_CONFIG for a cluster whose activations do not pass by here. */
export function refuseScheduler(schedulers: readonly string[]): void {
  if (schedulers.length === 0) return;
  throw new HarvestError(
    "OWH_BAD_CONFIG",
    `This OpenWhisk runs, or ran, the FPC scheduler (topics ${schedulers.slice(0, 3).join(", ")}): its activations do not pass through ` +
      "invoker topics, so nothing can be placed here. Configure the classic load balancer (controller: " +
      "CONFIG_whisk_spi_LoadBalancerProvider=org.apache.openwhisk.core.loadBalancer.ShardingContainerPoolBalancer; see docs/placement.md), " +
      `and delete these topics when no scheduler runs any more.`,
  );
}
