/** The core driven by hand. */
import { greedyJsq } from "@openwhisk-harvest/placement";
import { readAck } from "./ack-message.js";
import { type ActionFacts, type CoreSettings, type Effect, type ShimEvent, UNKNOWN_ACTION } from "./events.js";
import { PROBE_CONTROLLER } from "./messages.js";
import { ShimCore } from "./shim-core.js";

export const settings: CoreSettings = {
  step: { cpuCores: 0.25, memoryMb: 1 },
  conductorMemoryShare: 0.5,
  queueLength: 100,
  queueBytes: 1_000_000,
  queueDeadlineMs: 50_000,
  invokerTimeoutMs: 10_000,
  deathGraceMs: 20_000,
  capacityOf: ({ userMemoryMb }) => ({ cpuCores: 8, memoryMb: userMemoryMb }),
};
export const id = (n: number) => n.toString(16).padStart(32, "0");
interface MessageFields {
  blocking?: boolean;
  cause?: string;
  name?: string;
  content?: string;
  transid?: string;
}
export const message = (n: number, over: MessageFields = {}) =>
  Buffer.from(
    `{"transid":${over.transid ?? `["t${n}",1]`},"action":{"path":"guest","name":"${over.name ?? "a"}","version":"0.0.1"},"revision":"1-a",` +
      `"user":{"subject":"guest","namespace":{"name":"guest","uuid":"u"}},"activationId":"${id(n)}","rootControllerIndex":{"asString":"0","instanceType":"controller"},` +
      `"blocking":${over.blocking ?? true},"content":${over.content ?? "{}"},"initArgs":[],"lockedArgs":{}${over.cause ? `,"cause":"${over.cause}"` : ""}}`,
  );
const instance = (invoker: number) =>
  `{"instance":${invoker},"userMemory":"1073741824 B","instanceType":"invoker","tags":[],"dedicatedNamespaces":[]}`;
export const ping = (invoker: number, isEnabled = true) => Buffer.from(`{"name":${instance(invoker)},"isEnabled":${isEnabled}}`);
const completion = (activationId: string, invoker: number, isSystemError = false) =>
  Buffer.from(`{"transid":["t",1],"activationId":"${activationId}","isSystemError":${isSystemError},"instance":${instance(invoker)}}`);

/**
 * Drives the core by hand: action documents are there at once, records stand in their topics at once unless held back.
 */
export class Hand {
  core: ShimCore;
  nowMs = 1_000_000;
  readonly effects: Effect[] = [];
  readonly forwarded: { n: number; invoker: number }[] = [];
  hold = false;
  /** By the name of an action; of others nothing is known. */
  readonly #facts: Readonly<Record<string, Partial<ActionFacts>>>;
  #offset = 0n;

  constructor(over: Partial<CoreSettings> = {}, facts: Readonly<Record<string, Partial<ActionFacts>>> = {}) {
    this.core = new ShimCore({ ...settings, ...over }, greedyJsq, 0n, 0n);
    this.#facts = facts;
  }

  on(event: ShimEvent): Effect[] {
    const effects = this.core.handle(event, this.nowMs);
    this.effects.push(...effects);
    for (const effect of effects) {
      if (effect.type === "read-action") {
        const { activationId, action } = effect;
        const facts = { ...UNKNOWN_ACTION, ...this.#facts[action.slice(action.lastIndexOf("/") + 1)] };
        this.on({ type: "action-read", activationId, facts });
      }
      if (effect.type === "forward") {
        this.forwarded.push({ n: Number.parseInt(effect.activationId, 16), invoker: effect.invoker });
        if (!this.hold) this.on({ type: "forwarded", activationId: effect.activationId });
      }
      if (effect.type === "probe") this.#answer(effect.invoker, effect.value);
    }
    return effects;
  }

  #answer(invoker: number, value: Buffer): void {
    const { activationId } = JSON.parse(value.toString("utf8")) as { activationId: string };
    this.on({ type: "ack", controller: PROBE_CONTROLLER, value: completion(activationId, invoker) });
  }

  /** Invokers ping, are tested, and are healthy. */
  invokers(...ids: number[]): this {
    for (const each of ids) this.on({ type: "ping", timestampMs: this.nowMs, value: ping(each) });
    this.on({ type: "tick" });
    return this;
  }

  activation(n: number, over: MessageFields = {}, timestampMs = this.nowMs): void {
    this.on({ type: "activation", offset: this.#offset++, timestampMs, value: message(n, over) });
  }

  ack(n: number, invoker: number, isSystemError = false): void {
    this.on({ type: "ack", controller: "0", value: completion(id(n), invoker, isSystemError) });
  }

  advance(ms: number, ...pinging: number[]): void {
    for (let left = ms; left > 0; left -= 1_000) {
      this.nowMs += Math.min(left, 1_000);
      for (const each of pinging) this.on({ type: "ping", timestampMs: this.nowMs, value: ping(each) });
      this.on({ type: "tick" });
    }
  }

  told(n: number): { statusCode?: number; error?: string; instance: number }[] {
    return this.effects.flatMap((effect) => {
      if (effect.type !== "ack") return [];
      const ack = JSON.parse(effect.value.toString("utf8"));
      if (readAck(effect.value).activationId !== id(n)) return [];
      const { statusCode, result } = ack.response?.response ?? {};
      return [{ ...(statusCode !== undefined && { statusCode, error: result?.error }), instance: ack.instance?.instance }];
    });
  }
}
