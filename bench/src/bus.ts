/**
 * What the bus adapter costs: from publishing an activation to its end, with the shim and two hops more, against the same
 * controller and invoker on the same broker with nothing between them; then activations per second, and the memory they leave.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { KafkaBus } from "@openwhisk-harvest/bus";
import { brokerMissing, ScriptedController, ScriptedInvoker, startBroker } from "@openwhisk-harvest/testkit/kafka";
import { MissingHere } from "./missing.js";
import { type Figure, figure, timeEach } from "./statistics.js";

const SHIM = fileURLToPath(new URL("../../loadbalancer-shim/bus/bin/harvest-shim.js", import.meta.url));
const PREFIX = "bench-";
const BARE = "bare-";

/** Rejects with MissingHere without java or the jars of a broker. */
export async function benchBus(count: number): Promise<Figure[]> {
  const missing = brokerMissing();
  if (missing !== false) throw new MissingHere(missing);
  const broker = await startBroker((address) => new KafkaBus(address));
  const controller = new ScriptedController(broker.bus(), "0");
  const userMemory = "68719476736 B";
  const behind = new ScriptedInvoker(broker.bus(), 0, PREFIX, { userMemory });
  const bare = new ScriptedInvoker(broker.bus(), 0, BARE, { userMemory });
  await controller.start();
  await controller.hearOf(BARE);
  await bare.start();
  const flags = [`shim.kafka=${broker.address}`, `shim.invokerPrefix=${PREFIX}`, "logLevel=warn"].flatMap((set) => ["--set", set]);
  const shim = spawn(process.execPath, [SHIM, ...flags], { stdio: ["ignore", "ignore", "ignore"] });
  try {
    await behind.start();
    await controller.up(60_000);
    const once = async (topic: string) => controller.completed(await controller.invoke({}, topic));
    const [bareMs, shimMs]: [number[], number[]] = [[], []];
    // In turns, so that both see the same noise.
    for (let round = 0; round < 10; round++) {
      bareMs.push(...(await timeEach(count / 10, () => once(`${BARE}invoker0`), round === 0 ? 20 : 0)));
      shimMs.push(...(await timeEach(count / 10, () => once("invoker0"), round === 0 ? 20 : 0)));
    }
    const addedMs = shimMs.map((ms, i) => ms - (bareMs[i] ?? ms));
    const load = await benchLoad(controller, () => residentMb(shim.pid), count * 10);
    return [
      figure("two bare hops, one at a time", "ms", bareMs),
      figure("through the shim, one at a time", "ms", shimMs),
      figure("added by the shim", "ms", addedMs),
      ...load,
    ];
  } finally {
    shim.kill("SIGKILL");
    await Promise.all([behind.close(), bare.close(), controller.close()]);
    await broker.close();
  }
}

/** Chunks as fast as they come back, with at most a thousand under way. */
async function benchLoad(controller: ScriptedController, rssMb: () => number, count: number): Promise<Figure[]> {
  const CHUNK = 100;
  const perSecond: number[] = [];
  const memoryMb: number[] = [];
  const waiting: string[] = [];
  let doneAtMs = performance.now();
  let done = 0;
  for (let sent = 0; sent < count || waiting.length > 0; ) {
    if (sent < count && waiting.length < 1_000) {
      const messages = Array.from({ length: CHUNK }, () => controller.message({ blocking: false }));
      await controller.publish(messages.map(({ value }) => value));
      waiting.push(...messages.map(({ activationId }) => activationId));
      sent += CHUNK;
      continue;
    }
    for (const activationId of waiting.splice(0, CHUNK)) {
      await controller.completed(activationId, 60_000);
      controller.heard.delete(activationId);
    }
    done += CHUNK;
    if (done % 1_000 !== 0) continue;
    const nowMs = performance.now();
    perSecond.push(1_000 / ((nowMs - doneAtMs) / 1_000));
    doneAtMs = nowMs;
    memoryMb.push(rssMb());
  }
  return [figure("activations under load", "1/s", perSecond), figure("resident memory of the shim meanwhile", "MB", memoryMb)];
}

/** Linux; NaN elsewhere. */
function residentMb(pid: number | undefined): number {
  try {
    const kb = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return Number(kb) / 1024;
  } catch {
    return Number.NaN;
  }
}
