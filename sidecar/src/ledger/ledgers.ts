/**
 * Keeps the ledgers of all stages that are under way: hears the appliers' events, lets time pass, and publishes what
 * moves. One loop, one blocking read; it wakes for an event or for the next thing that a stage waits for, whichever
 * comes first.
 *
 *   away --Redis answers--> listening --an error--> away
 *
 * ledgers.D1  A stage's ledger is opened by the first event that names its decision. The sidecar may have been started
 *     anew since: what Redis has of the stage's plans is recalled first, and the stream is read from its oldest entry.
 *     A decision that is not known, or that was never in force, has no ledger, and its runs end as they are.
 * ledgers.D2  Events of a stage are taken in the order of the stream, also while its decision is being looked for.
 * ledgers.D3  While Redis is away no time passes for any stage (ledger.L7). Plans that could not be published are
 *     published once it is back: they are as good as then, by their epochs. Until then appliers help themselves.
 * ledgers.D4  Everything is bounded: stages, events that wait for a decision, plans that wait for Redis. What is beyond
 *     stands as it is.
 * ledgers.D5  A closed stage is remembered for a while, so that late events do not open it again.
 */
import {
  type AllocationStore,
  type Clock,
  type EventBatch,
  isLeaseEvent,
  type LeaseEvent,
  messageOf,
  OLDEST_EVENT,
  type PlanEntries,
  type RunEvent,
  type RunKey,
  readRunKey,
  type SigningKey,
  signFields,
} from "@openwhisk-harvest/core";
import type { Logger } from "pino";
import type { DecisionRecord } from "../decision-record.js";
import { type LedgerEffect, type LedgerEvent, nextTickMs, openStage, stepLedger } from "./ledger.js";
import type { LedgerMetrics } from "./ledger-metrics.js";
import type { Stage } from "./stage.js";
import { openRecord, recordStep, recordWord, type StageRecord } from "./stage-record.js";
import { forkOf, stageTermsOf } from "./stage-terms.js";

/** Longest wait for events: how late a `close` may be. */
const LONGEST_BLOCK_MS = 1_000;
const EVENTS_PER_READ = 500;
/** More than the stream keeps. */
const EVENTS_REPLAYED = 20_000;
/** While a decision is looked for. */
const OPENING_MS = 10;
const MOST_REFUSALS = 5;
/** While Redis is away. */
const PAUSE_MS = 100;
/** Some KB each. */
const MOST_STAGES = 5_000;
/** Of one stage, while its decision is looked for. */
const MOST_WAITING = 200;
const MOST_UNSENT = 1_000;
/** Events come within seconds of each other, unless Redis was away. */
const REMEMBERED_MS = 60_000;

export interface LedgersOptions {
  readonly store: Pick<AllocationStore, "readEvents" | "publishPlan" | "plans">;
  readonly findDecision: (id: string) => Promise<DecisionRecord | undefined>;
  readonly stageTimeoutMs: number;
  readonly metrics: LedgerMetrics;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A stage has closed: what came of it. */
  readonly onClosed: (decision: DecisionRecord, record: StageRecord) => void;
  readonly signingKey?: SigningKey | undefined;
}

interface Opening {
  readonly state: "opening";
  readonly waiting: LeaseEvent[];
}
interface Open {
  readonly state: "open";
  readonly decision: DecisionRecord;
  stage: Stage;
  record: StageRecord;
  tickAtMs: number;
}
/** A stage that is kept: its decision is looked for, it is open, or there is nothing (more) to keep of it. */
type Entry = Opening | Open | { readonly state: "done"; readonly untilMs: number };

export class Ledgers {
  readonly #options: LedgersOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #unsent = new Map<string, PlanEntries>();
  readonly #closing = new AbortController();
  #sending: Promise<void> = Promise.resolve();
  #loop: Promise<void> | undefined;
  #refusals = 0;

  constructor(options: LedgersOptions) {
    this.#options = options;
  }

  start(): void {
    this.#loop ??= this.#listen();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#loop;
  }

  /** What is under way of R, for people. */
  recordsOf(root: string): StageRecord[] {
    return [...this.#entries.values()].flatMap((entry) =>
      entry.state === "open" && entry.stage.terms.root === root ? [entry.record] : [],
    );
  }

  get isIdle(): boolean {
    return this.#open().length === 0;
  }

  /**
   * Ends every stage that is meant, at once: what runs in it goes on with U. Rejects when Redis does not take the plans
   * now (ledgers.D3).
   */
  async pause(isMeant: (stage: Stage["terms"]) => boolean): Promise<void> {
    for (const entry of this.#open()) if (isMeant(entry.stage.terms)) this.#step(entry, { type: "pause" });
    await this.#send();
  }

  async #listen(): Promise<void> {
    const { store, metrics, clock } = this.#options;
    let after = OLDEST_EVENT;
    for (let isAway = false; !this.#closing.signal.aborted; ) {
      try {
        const isReplay = after === OLDEST_EVENT;
        const limit = isReplay ? EVENTS_REPLAYED : EVENTS_PER_READ;
        const batch = await store.readEvents({ after, blockMs: this.#waitMs(), limit });
        if (isAway) for (const entry of this.#open()) this.#step(entry, { type: "deaf" });
        isAway = false;
        after = batch.lastId;
        this.#take(isReplay ? { ...batch, events: eventsOfStagesUnderWay(batch.events) } : batch);
        await this.#send();
        this.#pass();
      } catch (error) {
        if (!isAway) this.#options.logger.debug({ reason: messageOf(error) }, "the ledgers stand still");
        isAway = true;
        metrics.stoodStill();
        await clock.sleep(PAUSE_MS, this.#closing.signal).catch(() => undefined); // closing
      }
    }
  }

  #take({ events, unreadable }: EventBatch): void {
    const { metrics } = this.#options;
    metrics.heard("unreadable", unreadable);
    for (const event of events) if (isLeaseEvent(event)) this.#hear(event);
  }

  #hear(event: LeaseEvent): void {
    const key = readRunKey(event.k);
    const of = key && forkOf(key);
    if (!key || !of) {
      this.#options.metrics.heard("unreadable", 1);
      return;
    }
    const id = `${key.root}${of.fork}`;
    const entry = this.#entries.get(id);
    if (!entry) this.#openEntry(id, key, event);
    else if (entry.state === "open") this.#tell(entry, event, key);
    else if (entry.state === "opening" && entry.waiting.length < MOST_WAITING) entry.waiting.push(event);
    else this.#options.metrics.heard(entry.state === "done" ? "late" : "omitted", 1);
  }

  /** ledgers.D1, ledgers.D2 */
  #openEntry(id: string, key: RunKey, event: LeaseEvent): void {
    const entry: Opening = { state: "opening", waiting: [event] };
    this.#entries.set(id, entry);
    this.#forgetOldest();
    void this.#openLater(id, entry, key);
  }

  async #openLater(id: string, entry: Opening, key: RunKey): Promise<void> {
    let opened: Entry | undefined;
    try {
      opened = await this.#lookUp(key, entry.waiting[0] as LeaseEvent);
    } catch (error) {
      this.#options.logger.debug({ root: key.root, reason: messageOf(error) }, "a stage cannot be looked up now");
      if (this.#entries.get(id) === entry) this.#entries.delete(id); // the next event tries again
      return;
    }
    this.#options.metrics.opened(opened !== undefined);
    if (this.#entries.get(id) !== entry) return;
    this.#entries.set(id, opened ?? { state: "done", untilMs: this.#nowMs() + REMEMBERED_MS });
    if (!opened) return;
    for (const waiting of entry.waiting) this.#hear(waiting);
    await this.#send().catch(() => undefined); // the loop sends it again (ledgers.D3); a receiver's lease need not wait for it
  }

  async #lookUp(key: RunKey, { lease }: LeaseEvent): Promise<Entry | undefined> {
    const { findDecision, store, stageTimeoutMs } = this.#options;
    const decision = await findDecision(lease.decision);
    if (!decision?.published || decision.namespace !== lease.namespace || decision.root !== key.root) return undefined;
    const terms = stageTermsOf(decision, key, stageTimeoutMs);
    if (!terms) return undefined;
    const plans = plansOf(await store.plans(key.root), terms.fork);
    const nowMs = this.#nowMs();
    const fresh = openStage(terms, lease.epoch, nowMs);
    const stage = Object.keys(plans).length > 0 ? stepLedger(fresh, { type: "recall", plans }, nowMs).stage : fresh;
    const predictedMs = decision.stages.find(({ forkPath }) => forkPath === forkOf(key)?.forkPath)?.predictedMs;
    const record = openRecord({
      forkPath: forkOf(key)?.forkPath ?? "",
      fork: terms.fork,
      policy: decision.policy,
      openedAtMs: this.#options.clock.nowMs(),
      predictedMs,
    });
    return { state: "open", stage, record, decision, tickAtMs: nextTickMs(stage, nowMs) };
  }

  #tell(entry: Open, event: LeaseEvent, key: RunKey): void {
    const nowMs = this.#nowMs();
    const effects = this.#step(entry, { type: "heard", event });
    const dismissed = effects.find((effect) => effect.type === "dismissed");
    this.#options.metrics.heard(dismissed ? dismissed.why : "taken", 1);
    if (dismissed) return;
    const position = key.trail.at(-1)?.position ?? 0;
    entry.record = recordWord(entry.record, event, position, Math.max(0, nowMs - entry.stage.openedAtMs));
    this.#options.metrics.used(event, entry.record);
  }

  #step(entry: Open, event: LedgerEvent): readonly LedgerEffect[] {
    const nowMs = this.#nowMs();
    const { stage, effects } = stepLedger(entry.stage, event, nowMs);
    entry.stage = stage;
    entry.tickAtMs = nextTickMs(stage, nowMs);
    entry.record = recordStep(entry.record, stage, effects, nowMs);
    for (const effect of effects)
      if (effect.type === "plan") this.#queue(stage.terms.root, effect.entries);
      else if (effect.type === "moved") this.#options.metrics.moved(effect);
      else if (effect.type === "waiting") this.#options.metrics.startedWithoutLease();
    return effects;
  }

  #queue(root: string, entries: PlanEntries): void {
    const { signingKey } = this.#options;
    const signed = signingKey ? signFields(signingKey, root, entries) : entries;
    this.#unsent.set(root, { ...this.#unsent.get(root), ...signed });
    const [oldest] = this.#unsent.keys();
    if (this.#unsent.size > MOST_UNSENT && oldest !== undefined) this.#unsent.delete(oldest);
  }

  /** One after another, so that of a run's plans the newest is published last (ledgers.D3). */
  #send(): Promise<void> {
    const sending = this.#sending.then(() => this.#sendAll());
    this.#sending = sending.catch(() => undefined); // told to the caller
    return sending;
  }

  async #sendAll(): Promise<void> {
    for (const [root, entries] of [...this.#unsent]) {
      await this.#publish(root, entries);
      if (this.#unsent.get(root) === entries) this.#unsent.delete(root);
    }
  }

  /** Redis answers events, so a plan that it refuses again and again is refused for good. */
  async #publish(root: string, entries: PlanEntries): Promise<void> {
    const { store, metrics, logger } = this.#options;
    try {
      await store.publishPlan(root, entries);
      metrics.planned(Object.keys(entries).length);
      this.#refusals = 0;
    } catch (error) {
      if (++this.#refusals < MOST_REFUSALS) throw error;
      logger.warn({ root, reason: messageOf(error) }, "a plan could not be published");
      metrics.refused(Object.keys(entries).length);
    }
  }

  #pass(): void {
    const nowMs = this.#nowMs();
    for (const [id, entry] of this.#entries)
      if (entry.state === "open") this.#passOpen(id, entry, nowMs);
      else if (entry.state === "done" && entry.untilMs <= nowMs) this.#entries.delete(id);
    this.#options.metrics.standing(this.#open().map(({ stage }) => stage));
  }

  #passOpen(id: string, entry: Open, nowMs: number): void {
    if (entry.tickAtMs <= nowMs) this.#step(entry, { type: "tick" });
    if (!entry.stage.closed) return;
    this.#entries.set(id, { state: "done", untilMs: nowMs + REMEMBERED_MS });
    this.#options.metrics.closed(entry.record);
    this.#options.onClosed(entry.decision, entry.record);
  }

  /** Until the next thing that a stage waits for; what is unsent, or being looked for, is soon. */
  #waitMs(): number {
    const nowMs = this.#nowMs();
    let nextMs = nowMs + LONGEST_BLOCK_MS;
    for (const entry of this.#entries.values())
      if (entry.state === "opening") nextMs = Math.min(nextMs, nowMs + OPENING_MS);
      else if (entry.state === "open") nextMs = Math.min(nextMs, entry.tickAtMs);
    if (this.#unsent.size > 0) nextMs = nowMs;
    return Math.max(1, nextMs - nowMs);
  }

  #open(): Open[] {
    return [...this.#entries.values()].filter((entry) => entry.state === "open");
  }

  #forgetOldest(): void {
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > MOST_STAGES && oldest !== undefined) this.#entries.delete(oldest);
  }

  #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }
}

/** After a restart: of all that the stream still has, what concerns stages with runs. */
export function eventsOfStagesUnderWay(events: readonly RunEvent[]): RunEvent[] {
  const running = new Map<string, Set<string>>();
  const stageOf = new Map<RunEvent, string>();
  for (const event of events) {
    const key = isLeaseEvent(event) ? readRunKey(event.k) : undefined;
    const fork = key && forkOf(key)?.fork;
    if (!key || fork === undefined) continue;
    const id = `${key.root}${fork}`;
    stageOf.set(event, id);
    const runs = running.get(id) ?? new Set();
    running.set(id, runs);
    if (event.type === "end") runs.delete(event.activationId);
    else runs.add(event.activationId);
  }
  return events.filter((event) => (running.get(stageOf.get(event) ?? "")?.size ?? 0) > 0);
}

function plansOf(plans: PlanEntries, fork: string): PlanEntries {
  const ofFork = ([k]: [k: string, plan: unknown]) => {
    const key = readRunKey(k);
    return key !== undefined && forkOf(key)?.fork === fork;
  };
  return Object.fromEntries(Object.entries(plans).filter(ofFork));
}
