/**
 * The shim between scripted controllers and invokers on a real broker; numbers of pitfalls are those of
 * openwhisk-protocol, 2.8.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { loadConfig, systemClock } from "@openwhisk-harvest/core";
import { silentLogger } from "@openwhisk-harvest/stores";
import { eventually, newId } from "@openwhisk-harvest/testkit";
import { brokerMissing, ScriptedController, ScriptedInvoker, startBroker, type TestBroker } from "@openwhisk-harvest/testkit/kafka";
import type { ActionReader } from "./action-reader.js";
import { UNKNOWN_ACTION } from "./events.js";
import { KafkaBus } from "./kafka-bus.js";
import { Shim } from "./shim.js";
import { MAX_MESSAGE_BYTES } from "./topics.js";

const skip = brokerMissing();
let broker: TestBroker<KafkaBus>;
let controllers: ScriptedController[];
let shim: Shim;
let invokers: ScriptedInvoker[];
const settings = (...more: string[]) => loadConfig({ flags: ["shim.invokerPrefix=r-", "shim.sessionTimeoutMs=2000", ...more] }).shim;
const facts: ActionReader = {
  read: async (action) => ({
    ...UNKNOWN_ACTION,
    ...(action.endsWith("/large") && { memoryMb: 1024 }),
    conductor: action.endsWith("/flow"),
  }),
};
const startShim = (...more: string[]) =>
  Shim.start({ config: settings(...more), bus: broker.bus(), actions: facts, clock: systemClock, logger: silentLogger });
const controller = () => controllers[0] as ScriptedController;

before(async () => {
  if (skip) return;
  broker = await startBroker((address) => new KafkaBus(address));
  controllers = [new ScriptedController(broker.bus(), "0"), new ScriptedController(broker.bus(), "east.1")];
  for (const each of controllers) await each.start();
});
after(async () => {
  if (skip) return;
  await shim.stop();
  for (const part of [...invokers, ...controllers]) await part.close();
  await broker.close();
});

test("pitfalls 2 and 11: it makes the topics that nothing else makes, and is silent until an invoker has passed its test", {
  skip,
}, async () => {
  shim = await startShim();
  const topics = await broker.bus().topics();
  for (const topic of ["invoker0", "health", "r-health"]) assert.ok(topics.includes(topic), topic);
  await eventually(() => shim.inCharge, "the only replica is in charge");
  await eventually(async () => (await broker.bus().topics()).includes("r-completedeast.1"), "a topic for each controller's ends");
  assert.deepEqual(
    controllers.map(({ pings }) => pings.length),
    [0, 0],
  );
  invokers = [3, 7].map((id) => new ScriptedInvoker(broker.bus(), id, "r-", { runMs: (name) => (name === "slow" ? 1_500 : 0) }));
  for (const invoker of invokers) await invoker.start();
  for (const each of controllers) await each.up();
});

test("pitfalls 5 and 8: what is sent and returned passes byte by byte, and every controller hears of its own by the virtual number", {
  skip,
}, async () => {
  const content = `{"big":12345678901234567890.5,"instance":{"instance":9},"text":"\\u00e9"}`;
  for (const each of controllers) {
    const { activationId, value } = each.message({ content });
    await each.publish([value]);
    const heard = await each.completed(activationId);
    assert.equal(heard.completion?.instance.instance, 0);
    const received = invokers.flatMap((invoker) => invoker.received).find((bytes) => bytes.includes(activationId));
    assert.deepEqual(received, value);
    assert.ok(heard.result, "the result came as well");
  }
});

test("a non-blocking activation has a completion and no result", { skip }, async () => {
  const heard = await controller().completed(await controller().invoke({ blocking: false }));
  assert.equal(heard.result, undefined);
});

test("pitfall 21: the steps of a composition go to one invoker, and go on elsewhere when it is disabled (16)", { skip }, async () => {
  const cause = newId();
  const ranAt = async () => {
    const activationId = await controller().invoke({ cause });
    await controller().completed(activationId);
    return invokers.find(({ runs }) => runs.has(activationId));
  };
  const home = await ranAt();
  for (let step = 0; step < 5; step++) assert.equal(await ranAt(), home);
  await home?.disable();
  await eventually(async () => (await ranAt()) !== home, "the composition moves");
  await home?.die();
  await home?.start();
});

test("pitfall 6: a result as large as a topic takes passes, and so does the activation with the largest parameters", { skip }, async () => {
  const { value } = controller().message({ content: `"${"x"}"` });
  const filling = MAX_MESSAGE_BYTES - 70 - 20 - value.length;
  const { activationId, value: large } = controller().message({ content: `"${"x".repeat(filling)}"` });
  await controller().publish([large]);
  await controller().completed(activationId);
  // Of equal queues the lowest number is taken, if no container of the action is warm elsewhere.
  const invoker = new ScriptedInvoker(broker.bus(), 0, "r-", { result: `"${"y".repeat(MAX_MESSAGE_BYTES - 1_000)}"` });
  await invoker.start();
  invokers.push(invoker);
  const answered = await eventually(async () => {
    const id = await controller().invoke({ action: newId() });
    const heard = await controller().completed(id);
    return invoker.runs.has(id) && heard;
  }, "the new invoker runs one");
  assert.ok((answered.raw[0]?.length ?? 0) > 1_000_000);
  await invoker.disable();
  await invoker.die();
});

test("pitfall 14: many at once, and no invoker holds more than it has memory for", { skip }, async () => {
  const messages = Array.from({ length: 60 }, () => controller().message({ action: "large" }));
  await controller().publish(messages.map(({ value }) => value));
  for (const { activationId } of messages) await controller().completed(activationId, 60_000);
  for (const { mostRunning } of invokers) assert.ok(mostRunning <= 8, `${mostRunning}`);
});

test("pitfall 11: a second replica takes over from one that dies, without losing or doubling, and controllers see no gap in the pings", {
  skip,
}, async () => {
  const second = await startShim();
  assert.equal(second.inCharge, false, "the charge stays where it is well");
  const slow = await Promise.all(Array.from({ length: 4 }, () => controller().invoke({ action: "slow" })));
  await eventually(() => invokers.flatMap(({ runs }) => slow.filter((id) => runs.has(id))).length === 4, "they run");
  const from = controller().pings.length;
  await shim.stop();
  shim = second;
  await eventually(() => second.inCharge, "the second is in charge");
  for (const activationId of slow) await controller().completed(activationId);
  await controller().completed(await controller().invoke());
  for (const { runs } of invokers) for (const [activationId, count] of runs) assert.equal(count, 1, activationId);
  const pings = controller().pings.slice(from);
  assert.ok(
    pings.every(({ text }) => JSON.parse(text).isEnabled),
    "no controller was told that there is no invoker",
  );
  const gaps = pings.map(({ atMs }, i) => atMs - (pings[i - 1]?.atMs ?? atMs));
  assert.ok(Math.max(...gaps) < 10_000, `${Math.max(...gaps)}`);
});

test("a replica that was in charge and does not know that it no longer is can write nothing", { skip }, async () => {
  const [first, second] = [broker.bus(), broker.bus()];
  const zombie = await first.fencedSender("zombies");
  await first.createTopic("graveyard", {});
  await zombie.send([{ topic: "graveyard", value: Buffer.from("alive") }]);
  await second.fencedSender("zombies");
  const { end } = (await second.bounds(["graveyard"])).get("graveyard") ?? { end: -1n };
  await assert.rejects(zombie.send([{ topic: "graveyard", value: Buffer.from("undead") }]));
  assert.equal((await second.bounds(["graveyard"])).get("graveyard")?.end, end);
});

test("pitfall 15: activations of an invoker that dies end with an error, and the next ones run elsewhere", { skip }, async () => {
  await shim.stop();
  shim = await startShim("shim.invokerTimeoutMs=3000", "shim.deathGraceMs=500");
  await controllers[0]?.up();
  const dying = new ScriptedInvoker(broker.bus(), 1, "r-", { runMs: 60_000 });
  await dying.start();
  invokers.push(dying);
  const lost = await eventually(async () => {
    const id = await controller().invoke({ action: newId() });
    return eventually(() => controller().heard.has(id) || dying.runs.has(id), "it runs").then(() => dying.runs.has(id) && id);
  }, "the dying invoker has one");
  await dying.die();
  const heard = await controller().completed(lost);
  assert.match(JSON.stringify(heard.result), /Invoker 1 is gone/);
  await controller().completed(await controller().invoke());
});

test("a clean stop: what runs comes to its end, and controllers are told at once that no invoker is there", { skip }, async () => {
  const slow = await controller().invoke({ action: "slow" });
  await eventually(() => invokers.some(({ runs }) => runs.has(slow)), "it runs");
  await shim.stop();
  assert.ok(controller().heard.get(slow)?.completion, "its end was told before the shim stopped");
  await eventually(() => controllers.every(({ state }) => state === "down"), "both controllers know");
  shim = await startShim();
  await controller().up();
});

test("a cluster on the FPC scheduler is refused, with what to change", { skip }, async () => {
  const bus = broker.bus();
  await bus.createTopic("scheduler0", {});
  await assert.rejects(startShim(), (error: { code?: string; message: string }) => {
    assert.equal(error.code, "OWH_BAD_CONFIG");
    assert.match(error.message, /scheduler0.*CONFIG_whisk_spi_LoadBalancerProvider=.*ShardingContainerPoolBalancer/);
    return true;
  });
});
