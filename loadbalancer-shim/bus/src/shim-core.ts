/**
 * The shim without Kafka: events in, effects out, and a state that nothing else touches. It reads no clock; every event
 * brings its time. `in-flight.ts` has the states of an activation, `invoker-watch.ts` the states of an invoker.
 *
 * Invariants, cited by the tests:
 * shim-core.S1  An activation is forwarded at most once, in this term or an earlier one, however often its record is
 *     read.
 * shim-core.S2  Every activation that is read is forwarded, or its failure is told, before its deadline.
 * shim-core.S3  Nothing is forwarded to an invoker that is not healthy or, by what its activations may use, has no
 *     room.
 * shim-core.S4  A controller hears of each activation's end by the virtual invoker's number and never of a system
 *     error; what users sent and what functions returned passes through byte by byte.
 * shim-core.S5  The committable offset never passes an activation that has been neither forwarded nor failed.
 * shim-core.S6  Permits come back once: with the end that the invoker tells, or with the failure that the watchdog or
 *     the invoker's death causes.
 */
import { type Clock, HarvestError, messageOf } from "@openwhisk-harvest/core";
import type { Acquired, PlacementPolicy } from "@openwhisk-harvest/placement";
import { Placer } from "@openwhisk-harvest/placement";
import { type Ack, asVirtual, readAck, shrunk } from "./ack-message.js";
import { type ActivationHead, readActivation, travellingKeys } from "./activation-message.js";
import type { ActionFacts, CoreSettings, Effect, ShimEvent } from "./events.js";
import type { InFlight } from "./in-flight.js";
import { Invokers } from "./invokers.js";
import { completion, failure, PROBE_CONTROLLER } from "./messages.js";
import { OffsetTracker } from "./offset-tracker.js";
import { requestFor, warmKeyOf } from "./placement-request.js";
import { RunKeys } from "./run-keys.js";
import { VIRTUAL_ID } from "./topics.js";
import { WarmContainers } from "./warm-containers.js";

/**
 * Controllers wait for an end max(timeout, 60 s) x 2 + 60 s (openwhisk-protocol, 2.7); the failure must reach them
 * before.
 */
const STANDARD_TIMEOUT_MS = 60_000;
const WATCHDOG_MARGIN_MS = 10_000;
const SWEEP_MS = 60_000;

export interface CoreCounts {
  forwarded: number;
  acknowledged: number;
  failed: number;
  repeated: number;
  late: number;
  unreadable: number;
}

export interface CoreMark {
  readonly forwardings: number;
  readonly lastRead: bigint;
}

export class ShimCore {
  readonly #settings: CoreSettings;
  readonly #invokers: Invokers;
  readonly #placer: Placer;
  readonly #warm = new WarmContainers();
  readonly #keys = new RunKeys();
  readonly #offsets: OffsetTracker;
  readonly #replayEnd: bigint;
  readonly #byId = new Map<string, InFlight>();
  /** Ended activations whose offset has not been committed. */
  readonly #ended = new Set<InFlight>();
  readonly #clock: { nowMs: number } & Pick<Clock, "monotonicMs">;
  readonly counts: CoreCounts = { forwarded: 0, acknowledged: 0, failed: 0, repeated: 0, late: 0, unreadable: 0 };
  #forwardings = 0;
  /** At first the last one that an earlier term may have read: what it forwarded is in flight here, too. */
  #lastRead: bigint;
  #effects: Effect[] = [];
  #waitingBytes = 0;
  #sweptAtMs = 0;

  /**
   * `nextOffset`, `endOffset`: the committed and the last offset of the virtual invoker's topic; what lies between is
   * replayed.
   */
  constructor(settings: CoreSettings, policy: PlacementPolicy, nextOffset: bigint, endOffset: bigint) {
    this.#settings = settings;
    this.#replayEnd = endOffset;
    this.#lastRead = endOffset - 1n;
    this.#offsets = new OffsetTracker(nextOffset);
    const clock = { nowMs: 0, monotonicMs: () => clock.nowMs };
    this.#clock = clock;
    const { step, conductorMemoryShare } = settings;
    // The bound on what waits is wantsMore: what has been read is never refused because others wait.
    this.#placer = new Placer({ policy, invokers: [], step, conductorMemoryShare, queueLength: Number.POSITIVE_INFINITY, clock });
    const emit = (effect: Effect) => void this.#effects.push(effect);
    this.#invokers = new Invokers({ settings, placer: this.#placer, warm: this.#warm, clock, emit });
  }

  /** Whether controllers may send activations: there is an invoker for them. */
  get isReady(): boolean {
    return this.#invokers.anyHealthy;
  }

  /** Whether another activation may be read; the others stay in Kafka. */
  get wantsMore(): boolean {
    const { queueLength, queueBytes } = this.#settings;
    return this.isReady && this.#placer.waiting < queueLength && this.#waitingBytes < queueBytes;
  }

  get committable(): bigint {
    return this.#offsets.committable;
  }

  /** Activations that have not ended. */
  get inFlight(): number {
    return this.#byId.size - this.#ended.size;
  }

  /** A point in time: what had been forwarded and read until now. */
  mark(): CoreMark {
    return { forwardings: this.#forwardings, lastRead: this.#lastRead };
  }

  /** Whether everything that had been forwarded by then has ended, and everything read by then has been dealt with. */
  isPast({ forwardings, lastRead }: CoreMark): boolean {
    if (this.committable <= lastRead) return false;
    for (const { state, forwarding } of this.#byId.values())
      if ((state === "forwarding" || state === "running") && forwarding <= forwardings) return false;
    return true;
  }

  handle(event: ShimEvent, nowMs: number): Effect[] {
    this.#clock.nowMs = nowMs;
    this.#effects = [];
    switch (event.type) {
      case "activation":
        this.#onActivation(event.offset, event.timestampMs, event.value);
        break;
      case "recovered":
        this.#onRecovered(event.invoker, event.timestampMs, event.value);
        break;
      case "action-read":
        this.#onActionRead(event.activationId, event.facts);
        break;
      case "forwarded":
        this.#onForwarded(event.activationId);
        break;
      case "ack":
        this.#onAck(event.controller, event.value);
        break;
      case "ping":
        this.#invokers.ping(event.value, event.timestampMs);
        break;
      case "tick":
        this.#onTick();
    }
    return this.#effects;
  }

  /** The committable offset has been committed: what ended before it will not be read again. */
  committed(): void {
    const next = this.committable;
    for (const entry of this.#ended) {
      const lastRead = entry.offset === undefined ? this.#replayEnd - 1n : entry.offset;
      if (lastRead < next) this.#forget(entry);
    }
  }

  #onActivation(offset: bigint, timestampMs: number, value: Buffer): void {
    if (!this.#offsets.read(offset)) return;
    if (offset > this.#lastRead) this.#lastRead = offset;
    const head = this.#readHead(value);
    if (!head || head.isHealthTest || this.#byId.has(head.activationId)) {
      this.#offsets.done(offset);
      if (head?.isHealthTest) this.#ack(head.controller, completion(head, VIRTUAL_ID));
      else if (head) this.counts.repeated++;
      return;
    }
    const entry: InFlight = { ...this.#entryOf(head, timestampMs), offset, state: "reading", value };
    this.#byId.set(head.activationId, entry);
    this.#waitingBytes += value.length;
    this.#readAction(head);
  }

  #onRecovered(invoker: number, timestampMs: number, value: Buffer): void {
    const head = this.#readHead(value);
    if (!head || head.isHealthTest || this.#byId.has(head.activationId)) return;
    this.#invokers.expect(invoker);
    this.#byId.set(head.activationId, { ...this.#entryOf(head, timestampMs), state: "running", invoker });
    this.#readAction(head);
  }

  #entryOf(head: ActivationHead, publishedMs: number) {
    // A caller in a composition gives up after the action's timeout and 60 s; others are waited for twice as long and
    // more.
    const patience = head.blocking || head.cause !== undefined ? 1 : 2;
    return { head, publishedMs, forwarding: 0, deadlineMs: publishedMs + patience * this.#settings.queueDeadlineMs };
  }

  #readAction({ activationId, action, revision }: ActivationHead): void {
    this.#effects.push({ type: "read-action", activationId, action, ...(revision !== undefined && { revision }) });
  }

  #readHead(value: Buffer): ActivationHead | undefined {
    try {
      return readActivation(value);
    } catch (error) {
      this.#unreadable(error);
      return undefined;
    }
  }

  /** As an invoker does: what cannot be read is dropped (openwhisk-protocol, 2.8.20). */
  #unreadable(error: unknown): void {
    if (!(error instanceof HarvestError || error instanceof SyntaxError)) throw error;
    this.counts.unreadable++;
    const reason = error instanceof HarvestError ? messageOf(error) : "it is no JSON";
    this.#effects.push({ type: "log", level: "warn", message: "a message was dropped", fields: { reason } });
  }

  #onActionRead(activationId: string, facts: ActionFacts): void {
    const entry = this.#byId.get(activationId);
    if (!entry || entry.facts) return;
    entry.facts = facts;
    const longestMs = 2 * Math.max(facts.timeoutMs, STANDARD_TIMEOUT_MS) + STANDARD_TIMEOUT_MS;
    entry.watchdogMs = entry.publishedMs + longestMs - WATCHDOG_MARGIN_MS;
    if (entry.state === "running") this.#adopt(entry, facts);
    else if (entry.state === "reading") this.#place(entry, facts);
  }

  /** It runs already: its permits are taken, so that no other activation gets them. */
  #adopt(entry: InFlight, facts: ActionFacts): void {
    if (entry.invoker !== undefined) entry.acquired = this.#placer.adopt(this.#askOf(entry, facts), entry.invoker);
  }

  #place(entry: InFlight, facts: ActionFacts): void {
    entry.state = "waiting";
    const settle = (outcome: Acquired | Error) => {
      delete entry.waiter;
      if (outcome instanceof Error) this.#fail(entry, messageOf(outcome));
      else this.#forward(entry, outcome);
    };
    try {
      const offered = this.#placer.offer(this.#askOf(entry, facts), settle);
      if ("release" in offered) this.#forward(entry, offered);
      else entry.waiter = offered;
    } catch (error) {
      if (!(error instanceof HarvestError)) throw error;
      this.#fail(entry, messageOf(error));
    }
  }

  #askOf({ head }: InFlight, facts: ActionFacts) {
    const { clock, warm } = { clock: this.#clock, warm: this.#warm };
    return {
      request: requestFor(head, facts, this.#placer.invokers()),
      isWarm: (invoker: number) => warm.isWarm(warmKeyOf(head), invoker, clock.nowMs),
      sinceMs: clock.nowMs,
    };
  }

  #forward(entry: InFlight, acquired: Acquired): void {
    const { head, value } = entry;
    if (!value) return;
    const { activationId, controller } = head;
    entry.state = "forwarding";
    entry.forwarding = ++this.#forwardings;
    entry.acquired = acquired;
    entry.invoker = acquired.invoker;
    this.#warm.started(warmKeyOf(head), acquired.invoker);
    const keys = this.#keys.entries(head, travellingKeys(value));
    this.#effects.push({ type: "forward", activationId, invoker: acquired.invoker, controller, value, keys });
  }

  #onForwarded(activationId: string): void {
    const entry = this.#byId.get(activationId);
    if (!entry) return;
    this.counts.forwarded++;
    this.#dropValue(entry);
    if (entry.state === "forwarding") entry.state = "running";
  }

  /** Its record has been dealt with: forwarded or failed. */
  #dropValue(entry: InFlight): void {
    if (!entry.value) return;
    this.#waitingBytes -= entry.value.length;
    delete entry.value;
    if (entry.offset !== undefined) this.#offsets.done(entry.offset);
  }

  #onAck(controller: string, value: Buffer): void {
    let ack: Ack;
    try {
      ack = readAck(value);
    } catch (error) {
      this.#unreadable(error);
      return;
    }
    const { activationId, kind, invoker } = ack;
    const isTest = controller === PROBE_CONTROLLER;
    if (kind !== "result" && invoker !== undefined) this.#invokers.ended(invoker, ack.isSystemError, isTest);
    if (isTest) return;
    const entry = this.#byId.get(activationId);
    if (!entry || entry.state === "ended") this.counts.late++;
    if (entry && kind !== "result") this.#acknowledged(entry);
    const relayed = kind === "result" ? value : asVirtual(ack, VIRTUAL_ID);
    this.#ack(controller, relayed, kind === "completion" ? undefined : shrunk(ack, VIRTUAL_ID));
  }

  #acknowledged(entry: InFlight): void {
    if (entry.state === "ended") return;
    this.counts.acknowledged++;
    this.#dropValue(entry);
    if (entry.invoker !== undefined) this.#warm.ended(warmKeyOf(entry.head), entry.invoker, this.#clock.nowMs);
    this.#end(entry);
  }

  #end(entry: InFlight): void {
    entry.state = "ended";
    this.#ended.add(entry);
    entry.acquired?.release();
    delete entry.acquired;
  }

  #fail(entry: InFlight, reason: string): void {
    const { head, publishedMs } = entry;
    this.counts.failed++;
    if (entry.waiter) this.#placer.leave(entry.waiter);
    delete entry.waiter;
    this.#dropValue(entry);
    this.#end(entry);
    const fields = { activationId: head.activationId, action: head.action, invoker: entry.invoker, reason };
    this.#effects.push({ type: "log", level: "warn", message: "an activation failed", fields });
    this.#ack(head.controller, failure(head, VIRTUAL_ID, reason, publishedMs, this.#clock.nowMs));
  }

  #forget(entry: InFlight): void {
    this.#ended.delete(entry);
    this.#byId.delete(entry.head.activationId);
  }

  #ack(controller: string, value: Buffer, small?: Buffer): void {
    this.#effects.push({ type: "ack", controller, value, ...(small && { small }) });
  }

  #onTick(): void {
    const { nowMs } = this.#clock;
    this.#invokers.tick();
    for (const entry of [...this.#byId.values()]) this.#checkTimes(entry, nowMs);
    if (nowMs - this.#sweptAtMs < SWEEP_MS) return;
    this.#sweptAtMs = nowMs;
    this.#warm.sweep(nowMs);
  }

  #checkTimes(entry: InFlight, nowMs: number): void {
    if (entry.state === "waiting" || entry.state === "reading") {
      if (nowMs >= entry.deadlineMs) this.#fail(entry, "No invoker had room for the activation in time.");
    } else if (entry.state === "running") {
      const goneSinceMs = entry.invoker === undefined ? undefined : this.#invokers.goneSinceMs(entry.invoker);
      if (goneSinceMs !== undefined && nowMs - goneSinceMs >= this.#settings.deathGraceMs)
        this.#fail(entry, `Invoker ${entry.invoker} is gone and has not told the activation's end.`);
      else if (nowMs >= (entry.watchdogMs ?? Number.POSITIVE_INFINITY))
        this.#fail(entry, `Invoker ${entry.invoker} has not told the activation's end in time.`);
    }
  }
}
