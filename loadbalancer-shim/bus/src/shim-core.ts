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
 * shim-core.S7  What waits for room never keeps the next activation from being read, for it may wait for that one (H7):
 *     new runs beyond the bounds of what may wait are refused at once, and nothing else is refused for load.
 * shim-core.S8  What belongs to a run that has begun is placed before new runs, and conductors by their level (lineage.ts).
 */
import { type Clock, HarvestError, messageOf } from "@openwhisk-harvest/core";
import type { Acquired, PlacementPolicy } from "@openwhisk-harvest/placement";
import { Placer } from "@openwhisk-harvest/placement";
import { type Ack, asVirtual, readAck, shrunk } from "./ack-message.js";
import { type ActivationHead, readActivation, travellingKeys } from "./activation-message.js";
import { endUntilMs, waitUntilMs } from "./deadlines.js";
import { type ActionFacts, type CoreSettings, type Effect, type ShimEvent, UNKNOWN_ACTION } from "./events.js";
import { Held, type InFlight } from "./in-flight.js";
import { Invokers } from "./invokers.js";
import { Lineage } from "./lineage.js";
import { completion, failure, PROBE_CONTROLLER } from "./messages.js";
import { OffsetTracker } from "./offset-tracker.js";
import { requestFor, warmKeyOf } from "./placement-request.js";
import { RunKeys } from "./run-keys.js";
import { VIRTUAL_ID } from "./topics.js";
import { WarmContainers } from "./warm-containers.js";

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
  readonly #lineage = new Lineage();
  readonly #held = new Held();
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
    const { step, conductorMemoryShare, queueLength } = settings;
    this.#placer = new Placer({ policy, invokers: [], step, conductorMemoryShare, leavesRoom: true, queueLength, clock });
    const emit = (effect: Effect) => void this.#effects.push(effect);
    this.#invokers = new Invokers({ settings, placer: this.#placer, warm: this.#warm, clock, emit });
  }

  /** Whether controllers may send activations: there is an invoker for them. */
  get isReady(): boolean {
    return this.#invokers.anyHealthy;
  }

  /** Whether another activation may be read; the others stay in Kafka. What waits for room does not count: shim-core.S7. */
  get wantsMore(): boolean {
    const { queueLength, queueBytes } = this.#settings;
    return this.isReady && this.#held.count("reading") < queueLength && this.#held.bytes("reading") < queueBytes;
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
    this.#enter({ ...this.#entryOf(head, timestampMs, value), offset, state: "reading", value });
  }

  #onRecovered(invoker: number, timestampMs: number, value: Buffer): void {
    const head = this.#readHead(value);
    if (!head || head.isHealthTest || this.#byId.has(head.activationId)) return;
    this.#invokers.expect(invoker);
    const entry = this.#entryOf(head, timestampMs, value);
    this.#enter({ ...entry, run: { ...entry.run, isNew: false }, state: "running", invoker });
  }

  #entryOf(head: ActivationHead, publishedMs: number, value: Buffer) {
    const keys = travellingKeys(value);
    const run = this.#lineage.enter(head, keys, publishedMs, this.#clock.nowMs);
    const entry = { head, keys, run, publishedMs };
    return { ...entry, forwarding: 0, deadlineMs: this.#waitUntilMs(entry, UNKNOWN_ACTION) };
  }

  #enter(entry: InFlight): void {
    const { activationId, action, revision } = entry.head;
    this.#byId.set(activationId, entry);
    this.#held.enter(entry);
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
    entry.watchdogMs = endUntilMs(entry.publishedMs, facts);
    if (entry.state === "running") this.#adopt(entry, facts);
    else if (entry.state === "reading") this.#place(entry, facts);
  }

  /** It runs already: its permits are taken, so that no other activation gets them. */
  #adopt(entry: InFlight, facts: ActionFacts): void {
    if (entry.invoker !== undefined) entry.acquired = this.#placer.adopt(this.#askOf(entry, facts), entry.invoker);
  }

  #place(entry: InFlight, facts: ActionFacts): void {
    entry.deadlineMs = this.#waitUntilMs(entry, facts);
    this.#held.moveTo(entry, "waiting");
    const settle = (outcome: Acquired | Error) => {
      delete entry.waiter;
      if (outcome instanceof Error) this.#fail(entry, messageOf(outcome));
      else this.#forward(entry, outcome);
    };
    try {
      if (entry.run.isNew) this.#refuseBeyondBound(entry);
      const offered = this.#placer.offer(this.#askOf(entry, facts), settle);
      if ("release" in offered) this.#forward(entry, offered);
      else entry.waiter = offered;
    } catch (error) {
      if (!(error instanceof HarvestError)) throw error;
      this.#fail(entry, messageOf(error));
    }
  }

  #waitUntilMs({ head, keys, run, publishedMs }: Pick<InFlight, "head" | "keys" | "run" | "publishedMs">, facts: ActionFacts): number {
    const stageEndMs = keys.composer?.stageEndMs;
    const isStep = head.cause !== undefined && !run.isNew;
    const waiting = { publishedMs, blocking: head.blocking, isStep, ...(stageEndMs !== undefined && { stageEndMs }) };
    return waitUntilMs(waiting, facts, this.#settings.queueDeadlineMs);
  }

  /** shim-core.S7; how many may wait is the placer's to say. */
  #refuseBeyondBound({ value }: InFlight): void {
    const othersBytes = this.#held.bytes("waiting") - (value?.length ?? 0);
    if (othersBytes >= this.#settings.queueBytes)
      throw new HarvestError("OWH_NO_INVOKER", `No invoker has room, and ${othersBytes} bytes are waiting already.`);
  }

  #askOf({ head, run }: InFlight, facts: ActionFacts) {
    const { clock, warm } = { clock: this.#clock, warm: this.#warm };
    return {
      request: requestFor(head, facts, run, this.#placer.invokers()),
      isWarm: (invoker: number) => warm.isWarm(warmKeyOf(head), invoker, clock.nowMs),
      sinceMs: clock.nowMs,
    };
  }

  #forward(entry: InFlight, acquired: Acquired): void {
    const { head, keys: travelling, value } = entry;
    if (!value) return;
    const { activationId, controller } = head;
    this.#held.moveTo(entry, "forwarding");
    entry.forwarding = ++this.#forwardings;
    entry.acquired = acquired;
    entry.invoker = acquired.invoker;
    this.#warm.started(warmKeyOf(head), acquired.invoker);
    const keys = this.#keys.entries(head, travelling);
    this.#effects.push({ type: "forward", activationId, invoker: acquired.invoker, controller, value, keys });
  }

  #onForwarded(activationId: string): void {
    const entry = this.#byId.get(activationId);
    if (!entry) return;
    this.counts.forwarded++;
    this.#dropValue(entry);
    if (entry.state === "forwarding") this.#held.moveTo(entry, "running");
  }

  /** Its record has been dealt with: forwarded or failed. */
  #dropValue(entry: InFlight): void {
    if (!entry.value) return;
    this.#held.dropValue(entry);
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
    this.#held.moveTo(entry, "ended");
    this.#ended.add(entry);
    if (entry.facts?.conductor === false) this.#lineage.componentEnded(entry.head);
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
    this.#held.leave(entry);
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
