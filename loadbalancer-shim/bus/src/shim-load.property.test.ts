/**
 * H7, shim-core.S8: whatever was let in ends, and something can always go on, whichever activation ends first, and wherever the shim is
 * replaced by another that knows only what the topics say. Time stands still, so no deadline helps.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as settled } from "node:timers/promises";
import { greedyJsq } from "@openwhisk-harvest/placement";
import { casesOf } from "@openwhisk-harvest/testkit";
import {
  type Answer,
  activationMessage,
  type MessageFields,
  ScriptedCompositions,
  type ScriptedPlan,
  type ScriptedStep,
} from "@openwhisk-harvest/testkit/kafka";
import fc from "fast-check";
import { type CoreSettings, type Effect, type ShimEvent, UNKNOWN_ACTION } from "./events.js";
import { completion, PROBE_CONTROLLER } from "./messages.js";
import { ShimCore } from "./shim-core.js";

const settings: CoreSettings = {
  step: { cpuCores: 0.25, memoryMb: 1 },
  conductorMemoryShare: 0.5,
  queueLength: 10_000,
  queueBytes: 67_108_864,
  queueDeadlineMs: 50_000,
  invokerTimeoutMs: 10_000,
  deathGraceMs: 20_000,
  capacityOf: ({ userMemoryMb }) => ({ cpuCores: 1_000, memoryMb: userMemoryMb }),
};
const NOW_MS = 1_000_000;

interface Size {
  readonly invokers: number;
  readonly memoryMb: number;
  readonly keepsTransids: boolean;
}

interface Running {
  readonly activationId: string;
  readonly invoker: number;
  readonly value: Buffer;
}

/** Controllers, invokers and topics around the core, without time and without Kafka. */
class HandCluster {
  readonly compositions: ScriptedCompositions;
  readonly #size: Size;
  readonly #topic: Buffer[] = [];
  /** All that stand in invokers' topics, and those of them that have been acknowledged. */
  readonly #forwarded: Running[] = [];
  readonly #acknowledged = new Set<Running>();
  readonly #asked = new Map<string, (answer: Answer) => void>();
  /** What has come to its end in its container. */
  readonly #done: { readonly running: Running; readonly result: object }[] = [];
  #core: ShimCore;
  #next = 0;
  #isReading = false;

  constructor(size: Size) {
    this.#size = size;
    this.compositions = new ScriptedCompositions(this, { blockMs: 3_600_000, keepsTransids: size.keepsTransids });
    this.#core = this.#begin(0n);
  }

  ask(over: MessageFields): Promise<Answer> {
    const { activationId, value } = activationMessage(over, "0");
    const answer = new Promise<Answer>((resolve) => void this.#asked.set(activationId, resolve));
    this.#topic.push(value);
    this.#readOn();
    return answer;
  }

  get pending(): number {
    return this.#asked.size;
  }

  /** One of those that have come to their end is acknowledged; false when there is none. */
  endOne(which: number): boolean {
    const [ended] = this.#done.splice(which % Math.max(1, this.#done.length), 1);
    if (!ended) return false;
    this.#acknowledge(ended.running);
    this.#answer(ended.running.activationId, { statusCode: 0, result: ended.result as Answer["result"] });
    return true;
  }

  #acknowledge(running: Running): void {
    this.#acknowledged.add(running);
    const { activationId, invoker } = running;
    this.#on({ type: "ack", controller: "0", value: completion({ transid: '["t",1]', activationId }, invoker) });
  }

  /** Another replica takes over: it reads what the last one has forwarded, and what it has not dealt with. */
  replace(): void {
    this.#next = Number(this.#core.committable);
    this.#core = this.#begin(this.#core.committable);
    this.#readOn();
  }

  /** In the order of the topic, also what comes while it reads. */
  #readOn(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    for (let value = this.#topic[this.#next]; value; value = this.#topic[this.#next])
      this.#on({ type: "activation", offset: BigInt(this.#next++), timestampMs: NOW_MS, value });
    this.#isReading = false;
  }

  isEmpty(): boolean {
    return this.#core.inFlight === 0 && this.#core.committable === BigInt(this.#topic.length);
  }

  #begin(from: bigint): ShimCore {
    this.#isReading = true;
    this.#core = new ShimCore(settings, greedyJsq, from, BigInt(this.#topic.length));
    for (const { invoker, value } of this.#forwarded) this.#on({ type: "recovered", invoker, timestampMs: NOW_MS, value });
    for (const running of [...this.#acknowledged]) this.#acknowledge(running);
    for (let id = 0; id < this.#size.invokers; id++) {
      const name = { instance: id, userMemory: `${this.#size.memoryMb} MB`, instanceType: "invoker" };
      this.#on({ type: "ping", timestampMs: NOW_MS, value: Buffer.from(JSON.stringify({ name, isEnabled: true })) });
    }
    this.#on({ type: "tick" });
    this.#isReading = false;
    return this.#core;
  }

  #on(event: ShimEvent): void {
    for (const effect of this.#core.handle(event, NOW_MS)) this.#carryOut(effect);
  }

  #carryOut(effect: Effect): void {
    if (effect.type === "read-action") {
      const { activationId, action } = effect;
      this.#on({ type: "action-read", activationId, facts: factsOf(action) });
    } else if (effect.type === "probe") {
      const { activationId } = JSON.parse(effect.value.toString("utf8"));
      this.#on({ type: "ack", controller: PROBE_CONTROLLER, value: completion({ transid: '["t",1]', activationId }, effect.invoker) });
    } else if (effect.type === "forward") {
      void this.#run(effect);
      this.#on({ type: "forwarded", activationId: effect.activationId });
    } else if (effect.type === "ack") {
      const { response } = JSON.parse(effect.value.toString("utf8"));
      if (response) this.#answer(response.activationId, response.response);
    }
  }

  async #run(running: Running): Promise<void> {
    this.#forwarded.push(running);
    const result = (await this.compositions.act(JSON.parse(running.value.toString("utf8")))) ?? {};
    this.#done.push({ running, result });
  }

  #answer(activationId: string, answer: Answer): void {
    this.#asked.get(activationId)?.(answer);
    this.#asked.delete(activationId);
  }
}

/** `flow-2` is nested two deep, and `nap-256` holds 256 MB. */
function factsOf(action: string) {
  const [, kind, number] = /(flow|nap)-(\d+)$/.exec(action) ?? [];
  const conductor = kind === "flow";
  return { ...UNKNOWN_ACTION, conductor, memoryMb: conductor ? 128 : Number(number), waitingDepth: conductor ? Number(number) : 0 };
}

const depthOf = (plan: ScriptedPlan): number =>
  Math.max(0, ...plan.map((step) => ("parallel" in step ? 1 + Math.max(0, ...step.parallel.map(depthOf)) : 0)));

function plans(depth: number, mostMb: number): fc.Arbitrary<ScriptedPlan> {
  const nap = fc.constantFrom(64, 128, mostMb).map((mb): ScriptedStep => ({ run: `nap-${Math.min(mb, mostMb)}` }));
  if (depth === 0) return fc.array(nap, { minLength: 1, maxLength: 2 });
  const stage = (branch: fc.Arbitrary<ScriptedPlan>, maxLength: number) =>
    fc.array(branch, { minLength: 1, maxLength }).map((parallel): ScriptedStep => ({ parallel }));
  const wide = stage(
    nap.map((step) => [step]),
    depth > 2 ? 20 : 6,
  );
  return fc.array(fc.oneof(nap, wide, stage(plans(depth - 1, mostMb), 3)), { minLength: 1, maxLength: 2 });
}

const cases = fc
  .record({
    invokers: fc.integer({ min: 1, max: 3 }),
    memoryMb: fc.constantFrom(256, 512, 1_024, 2_048),
    keepsTransids: fc.boolean(),
  })
  .chain((size: Size) =>
    fc.record({
      size: fc.constant(size),
      plans: fc.array(plans(3, size.memoryMb / 2), { minLength: 1, maxLength: 14 }),
      order: fc.array(fc.nat(), { minLength: 1, maxLength: 20 }),
      replaceEvery: fc.constantFrom(20, 60, Number.POSITIVE_INFINITY),
    }),
  );

test("H7, shim-core.S8: whatever was let in ends, and something can always go on", async () => {
  await fc.assert(
    fc.asyncProperty(cases, async ({ size, plans, order, replaceEvery }) => {
      const cluster = new HandCluster(size);
      const ends = plans.map((plan, i) => cluster.compositions.invoke(`ns${i % 3}`, `flow-${depthOf(plan)}`, plan));
      await settled();
      for (let step = 1; cluster.pending > 0; step++) {
        assert.ok(cluster.endOne(order[step % order.length] ?? 0), `${cluster.pending} wait for what cannot come`);
        if (step % replaceEvery === 0) cluster.replace();
        await settled();
      }
      for (const { error, activations } of await Promise.all(ends)) {
        if (error === undefined) continue;
        assert.match(error, /nested deeper than any invoker holds/);
        assert.equal(activations, 1, "at once");
      }
      assert.ok(cluster.isEmpty(), "nothing is left");
    }),
    { numRuns: casesOf(1_000, 0.1) },
  );
});
