/**
 * H7 through the adapter: many clients at once whose compositions fork, on a real broker, between scripted controllers and
 * invokers with limited memory. A fork blocks in its activation, as a stock conductor's does.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { loadConfig, systemClock } from "@openwhisk-harvest/core";
import { silentLogger } from "@openwhisk-harvest/stores";
import { eventually } from "@openwhisk-harvest/testkit";
import {
  brokerMissing,
  type CompositionEnd,
  ScriptedCompositions,
  ScriptedController,
  ScriptedInvoker,
  type ScriptedPlan,
  startBroker,
  type TestBroker,
} from "@openwhisk-harvest/testkit/kafka";
import { UNKNOWN_ACTION } from "./events.js";
import { KafkaBus } from "./kafka-bus.js";
import { Shim } from "./shim.js";

const skip = brokerMissing();
const COMPOSITIONS = 600;
const MEMORY_MB = 2_048;
/** Of composer's default time limit, less the 5 s that it keeps. */
const BLOCK_MS = 55_000;
const nap = { run: "nap" };
const FLAT: ScriptedPlan = [{ parallel: [[nap], [nap], [nap]] }];
const NESTED: ScriptedPlan = [{ parallel: [[{ parallel: [[nap], [nap]] }], [nap]] }];
/** An invoker of 2,048 MB has eight slots for conductors of 128 MB, in four levels. */
const ABYSS_DEPTH = 4;
const isConductor = (name: string) => /(flow|abyss)$/.test(name);
const memoryMb = (name: string) => (isConductor(name) ? 128 : 256);

let broker: TestBroker<KafkaBus>;
let shim: Shim;
let controllers: ScriptedController[];
let invokers: ScriptedInvoker[];
let clusters: ScriptedCompositions[];
/** What actions of this name wait for. */
let whistle: Promise<void> = Promise.resolve();

before(async () => {
  if (skip) return;
  broker = await startBroker((address) => new KafkaBus(address));
  controllers = ["0", "1"].map((id) => new ScriptedController(broker.bus(), id));
  for (const controller of controllers) await controller.start();
  // The edge of one of them replaces transaction ids, as Ansible's does.
  clusters = controllers.map((controller, i) => new ScriptedCompositions(controller, { blockMs: BLOCK_MS, keepsTransids: i === 0 }));
  const act: ConstructorParameters<typeof ScriptedInvoker>[3] = {
    act: async (message) => {
      if (message.action.name === "whistle") await whistle;
      return (await clusters[Number(message.rootControllerIndex.asString)]?.act(message)) ?? {};
    },
    runMs: (name) => (isConductor(name) ? 0 : 10),
    userMemory: `${MEMORY_MB * 2 ** 20} B`,
    memoryMb,
  };
  invokers = [0, 1].map((id) => new ScriptedInvoker(broker.bus(), id, "r-", act));
  shim = await Shim.start({
    config: loadConfig({ flags: ["shim.invokerPrefix=r-"] }).shim,
    bus: broker.bus(),
    actions: {
      read: async (action) => ({
        ...UNKNOWN_ACTION,
        memoryMb: memoryMb(action),
        conductor: isConductor(action),
        waitingDepth: action.endsWith("abyss") ? ABYSS_DEPTH : 0,
      }),
    },
    clock: systemClock,
    logger: silentLogger,
  });
  for (const invoker of invokers) await invoker.start();
  for (const controller of controllers) await controller.up();
});
after(async () => {
  if (skip) return;
  await shim.stop();
  for (const part of [...invokers, ...controllers]) await part.close();
  await broker.close();
});

for (const clients of [32, 512])
  test(`H7: ${clients} clients, ${COMPOSITIONS} compositions: what is let in ends, the rest is refused clearly, and all permits come back`, {
    skip,
  }, async (t) => {
    const ends: CompositionEnd[] = [];
    const failed: CompositionEnd[] = [];
    let next = 0;
    const client = async (i: number) => {
      while (next < COMPOSITIONS && failed.every(isRefusal)) {
        const plan = next++ % 8 === 0 ? NESTED : FLAT;
        const end = await clusters[i % clusters.length]?.invoke(`ns${i % 3}`, "flow", plan);
        if (!end) continue;
        ends.push(end);
        if (end.error !== undefined) failed.push(end);
      }
    };
    await Promise.all(Array.from({ length: clients }, (_, i) => client(i)));

    t.diagnostic(`${ends.length - failed.length} ended well, ${failed.filter(isRefusal).length} were refused`);
    assert.deepEqual(
      failed.filter((end) => !isRefusal(end)),
      [],
      "what was let in ended well",
    );
    assert.equal(ends.length, COMPOSITIONS);
    assert.ok(failed.length < COMPOSITIONS / 2, `${failed.length} were refused`);
    await eventually(() => invokers.every(({ running }) => running === 0), "nothing runs");
    for (const { mostHeldMb } of invokers) assert.ok(mostHeldMb <= MEMORY_MB, `${mostHeldMb} MB were held`);
    await fillsWholeCluster();
  });

/** Of its first activation, before anything of it has begun. */
function isRefusal({ error, activations }: CompositionEnd): boolean {
  return activations === 1 && /^No invoker had room/.test(error ?? "");
}

/** As many activations as the invokers have memory for run at once, which they could not if a permit were missing. */
async function fillsWholeCluster(): Promise<void> {
  const [controller] = controllers;
  assert.ok(controller);
  const most = (invokers.length * MEMORY_MB) / memoryMb("whistle");
  let blow: () => void = () => undefined;
  whistle = new Promise((resolve) => {
    blow = resolve;
  });
  const messages = Array.from({ length: most }, () => controller.message({ action: "whistle" }));
  await controller.publish(messages.map(({ value }) => value));
  await eventually(() => invokers.reduce((sum, { running }) => sum + running, 0) === most, `${most} run at once`);
  blow();
  for (const { activationId } of messages) await controller.completed(activationId);
}

test("conductor-room.L2: a composition that is nested deeper than any invoker could hold is refused at once, as a failed activation", {
  skip,
}, async () => {
  const end = await clusters[0]?.invoke("ns0", "abyss", FLAT);
  assert.match(end?.error ?? "", /nested deeper than any invoker holds/);
  assert.equal(end?.activations, 1);
});
