/**
 * Where warm, idle containers wait, as far as forwarded activations and their ends tell (openwhisk-protocol, 2.8.21).
 */

interface Idle {
  count: number;
  untilMs: number;
}

export class WarmContainers {
  readonly #idle = new Map<string, Map<number, Idle>>();
  readonly #keepMs: number;

  /** `keepMs`: how long invokers keep an idle container (OpenWhisk: 10 min). */
  constructor(keepMs = 600_000) {
    this.#keepMs = keepMs;
  }

  isWarm(key: string, invoker: number, nowMs: number): boolean {
    const idle = this.#idle.get(key)?.get(invoker);
    return idle !== undefined && idle.count > 0 && idle.untilMs > nowMs;
  }

  started(key: string, invoker: number): void {
    const idle = this.#idle.get(key)?.get(invoker);
    if (idle && idle.count > 0) idle.count--;
  }

  ended(key: string, invoker: number, nowMs: number): void {
    const invokers = this.#idle.get(key) ?? new Map<number, Idle>();
    const idle = invokers.get(invoker) ?? { count: 0, untilMs: 0 };
    invokers.set(invoker, { count: idle.untilMs > nowMs ? idle.count + 1 : 1, untilMs: nowMs + this.#keepMs });
    this.#idle.set(key, invokers);
  }

  /** Its containers went with it. */
  forgetInvoker(invoker: number): void {
    for (const invokers of this.#idle.values()) invokers.delete(invoker);
  }

  /** Keeps memory flat: actions that are not run any more are forgotten. */
  sweep(nowMs: number): void {
    for (const [key, invokers] of this.#idle) {
      for (const [invoker, { untilMs }] of invokers) if (untilMs <= nowMs) invokers.delete(invoker);
      if (invokers.size === 0) this.#idle.delete(key);
    }
  }
}
