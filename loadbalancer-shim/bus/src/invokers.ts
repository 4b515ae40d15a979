/** The real invokers: what their pings, tests and ends say of them (invoker-watch.ts), told to the placer. */
import type { Placer } from "@openwhisk-harvest/placement";
import type { CoreSettings, Effect } from "./events.js";
import { InvokerWatch } from "./invoker-watch.js";
import { probe, readPing } from "./messages.js";
import type { WarmContainers } from "./warm-containers.js";

export interface InvokersParts {
  readonly settings: Pick<CoreSettings, "invokerTimeoutMs" | "capacityOf">;
  readonly placer: Placer;
  readonly warm: WarmContainers;
  readonly clock: { readonly nowMs: number };
  readonly emit: (effect: Effect) => void;
}

export class Invokers {
  readonly #parts: InvokersParts;
  readonly #watch: InvokerWatch;

  constructor(parts: InvokersParts) {
    this.#parts = parts;
    this.#watch = new InvokerWatch(parts.settings.invokerTimeoutMs);
  }

  get anyHealthy(): boolean {
    return this.#watch.anyHealthy;
  }

  /** Since when the invoker has been gone; undefined while it is there. */
  goneSinceMs(id: number): number | undefined {
    return this.#watch.goneSinceMs(id);
  }

  /** It has work of an earlier term; what it has to give, its ping will say. */
  expect(id: number): void {
    const { placer, clock } = this.#parts;
    this.#watch.expect(id, clock.nowMs);
    if (this.#viewOf(id)) return;
    placer.setInvoker(id, { cpuCores: 0, memoryMb: 0 });
    placer.setHealthy(id, this.#watch.isHealthy(id));
  }

  ping(value: Buffer, sentMs: number): void {
    const { settings, placer, clock } = this.#parts;
    const ping = readPing(value);
    if (!ping) return;
    const { instance: id, uniqueName, userMemoryMb } = ping;
    this.#watch.ping(ping, sentMs, clock.nowMs);
    if (!this.#watch.ids.includes(id)) return;
    const capacity = settings.capacityOf({ id, userMemoryMb, ...(uniqueName !== undefined && { uniqueName }) });
    const known = this.#viewOf(id);
    if (known?.capacity.cpuCores !== capacity.cpuCores || known.capacity.memoryMb !== capacity.memoryMb) {
      placer.setInvoker(id, capacity);
      if (!known) placer.setHealthy(id, false);
    }
    this.#applyHealth(id);
  }

  /** An activation or a test came to its end there. */
  ended(id: number, isSystemError: boolean, isTest: boolean): void {
    this.#watch.ended(id, isSystemError, isTest);
    this.#applyHealth(id);
  }

  tick(): void {
    const { clock, emit } = this.#parts;
    for (const invoker of this.#watch.tick(clock.nowMs)) emit({ type: "probe", invoker, value: probe(clock.nowMs) });
    for (const id of this.#watch.ids) this.#applyHealth(id);
  }

  #viewOf(id: number) {
    return this.#parts.placer.invokers().find((invoker) => invoker.id === id);
  }

  #applyHealth(id: number): void {
    const { placer, warm, emit } = this.#parts;
    const known = this.#viewOf(id);
    const healthy = this.#watch.isHealthy(id);
    if (!known || known.healthy === healthy) return;
    const level = healthy ? "info" : "warn";
    emit({ type: "log", level, message: "an invoker changed its health", fields: { invoker: id, healthy } });
    if (!healthy) warm.forgetInvoker(id);
    placer.setHealthy(id, healthy);
  }
}
