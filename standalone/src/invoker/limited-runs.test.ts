/** A run's limits while it is under way, on real containers: what the kernel shows, what the ledger hears, what is left afterwards. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { HOLD_RULES } from "@openwhisk-harvest/applier";
import { detectEnforcement, type Enforcer } from "@openwhisk-harvest/cgroup";
import {
  formatRunKey,
  type LeaseEvent,
  type LeaseReport,
  type Observation,
  observationInLogs,
  type PlanWatcher,
  type PublishedAllocation,
  type RunEvent,
} from "@openwhisk-harvest/core";
import { eventually, RecordingLogger } from "@openwhisk-harvest/testkit";
import type { Container, ContainerDriver, ContainerSpec } from "../container/driver.js";
import { createProcessDriver } from "../container/process-driver.js";
import type { Invoker } from "../messages.js";
import { createInvoker } from "./invoker.js";
import { GRID, harvestedTerms, messageOf, userTerms } from "./messages.kit.js";

const probe = await detectEnforcement();
await probe.close();
const skip = probe.enforcement.startsWith("cgroup") ? false : `no writable control groups: ${probe.reason}`;

const ROOT = "cd".repeat(16);
/** Works until it has used so much CPU. */
const WORKS = `const usedMs = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000 };
async function main({ cpuMs }) {
  const untilMs = usedMs() + cpuMs;
  while (usedMs() < untilMs) { for (let i = 0; i < 1e5; i++); if (Math.random() < 0.01) await new Promise(setImmediate); }
  return {};
}`;
/** All the time that a test takes at most; nothing depends on it. */
const LONG_MS = 60_000;

function isSameWord(one: LeaseReport, other: LeaseReport | undefined): boolean {
  return other !== undefined && one.epoch === other.epoch && isDeepStrictEqual(one.limits, other.limits);
}

describe("limits while a run is under way", { skip }, () => {
  const logger = new RecordingLogger();
  const events: RunEvent[] = [];
  const observations: Observation[] = [];
  const containers = new Map<string, Container>();
  let watcher: PlanWatcher | undefined;
  let enforcer: Enforcer;
  let driver: ContainerDriver;
  let invoker: Invoker;
  let count = 0;

  before(async () => {
    enforcer = await detectEnforcement();
    driver = await createProcessDriver({ enforcer, logger });
    const remembering: ContainerDriver = {
      enforcement: driver.enforcement,
      create: async (spec: ContainerSpec) => {
        const container = await driver.create(spec);
        containers.set(spec.name.split("_").at(-1) ?? "", container);
        return container;
      },
      close: () => driver.close(),
    };
    invoker = createInvoker({
      id: 0,
      capacity: { cpuCores: 1.75, memoryMb: 2048 },
      grid: GRID,
      driver: remembering,
      allocations: {
        putObservation: async (seen) => void observations.push(seen),
        appendEvent: async (event) => void events.push(event),
        plans: async () => ({}),
        watchPlans: (given) => {
          watcher = given;
          return { stop: async () => undefined };
        },
      },
      apiHost: "http://127.0.0.1:1",
      idleContainerMs: LONG_MS,
      payloadMaxBytes: 1_048_576,
      sampling: { periodMs: 20, windowMs: 100 },
      logger,
    });
  });
  after(async () => {
    await invoker.close();
    await driver.close();
    await enforcer.close();
  });

  /** Starts a run with U = 1 core, and tells how to look at it while it is under way. */
  function start(name: string, allocation: Partial<PublishedAllocation>, cpuMs: number, timeoutMs = LONG_MS) {
    const k = formatRunKey({ root: ROOT, trail: [], astPath: `[${count++}]`, seq: 0 });
    const message = messageOf({ name, code: WORKS, content: { cpuMs }, limits: { timeout: timeoutMs } });
    const terms = userTerms(message, harvestedTerms(allocation, { harvest: { k, d: "d" } }));
    const record = invoker.run(message, terms);
    const told = () => events.filter((event): event is LeaseEvent => event.activationId === message.activationId && !!event.lease);
    const types = () => told().map(({ type }) => type);
    /** Without mere repetitions (run.R1). */
    const news = () => told().filter(({ type, lease }, i, all) => type !== "applied" || !isSameWord(lease, all[i - 1]?.lease));
    const cores = () => containers.get(name)?.group.limits().cpuCores;
    const begun = () => eventually(() => types().includes("start"), `${name} begins`);
    const plan = (more: Partial<PublishedAllocation>) =>
      watcher?.onPlans(ROOT, { [k]: { v: 1, decision: "d", namespace: "guest", epoch: 2, ...more } });
    const observed = () => observations.find(({ activationId }) => activationId === message.activationId);
    return { record, told, types, news, cores, begun, plan, observed };
  }

  it("H5: a donor that works at its limit has U back, and says so before it does", async () => {
    const donor = start("donor", { cpuCores: 0.25 }, 600);
    await donor.begun();
    const begunMs = performance.now();
    assert.equal(donor.cores(), 0.25);
    await eventually(() => donor.cores() === 1, "it has its user allocation");
    const tookMs = performance.now() - begunMs;
    const { response, logs, activationId } = await donor.record;
    assert.equal(response.statusCode, 0);
    const news = donor.news();
    assert.deepEqual(
      news.map(({ type }) => type),
      ["start", "throttled", "applied", "end"],
    );
    const [, throttled, applied] = news;
    assert.deepEqual([throttled?.lease.limits.cpuCores, applied?.lease.limits.cpuCores], [0.25, 1]);
    assert.ok(tookMs >= HOLD_RULES.answerMs && tookMs < 5_000, `${tookMs} ms`);
    const { allocated, moved } = observationInLogs(logs, activationId) ?? assert.fail("no observation");
    assert.deepEqual([allocated.cpuCores, moved?.times, moved?.lastCpuCores, moved?.givenBack], [0.25, 1, 1, true]);
    assert.ok(moved && moved.meanCpuCores > 0.25 && moved.meanCpuCores < 1);
    assert.equal(donor.cores(), 1);
  });

  it("hold.K3: a donor that is slow by plan keeps its limit for the work that was planned", async () => {
    const donor = start("planned", { cpuCores: 0.5, workCoreMs: 10_000 }, 300);
    await donor.record;
    assert.equal(donor.news().length, 2, "start and end");
    assert.equal(donor.observed()?.moved, undefined);
  });

  it("a ledger's plan moves a run that is under way, and is answered", async () => {
    const straggler = start("straggler", { cpuCores: 1 }, 900);
    await straggler.begun();
    straggler.plan({ cpuCores: 1.75 });
    await eventually(() => straggler.cores() === 1.75, "it has been accelerated");
    const before = straggler.told().length;
    straggler.plan({ cpuCores: 1.25, epoch: 2 });
    assert.equal(straggler.told().length, before, "a plan that is not newer is ignored");
    straggler.plan({ cpuCores: 1.25, epoch: 3, namespace: "other" });
    assert.equal(straggler.told().length, before + 1, "one that cannot be applied is answered");
    assert.equal(straggler.cores(), 1.75);
    await straggler.record;
    assert.deepEqual(
      straggler.news().map(({ type, lease }) => [type, lease.epoch, lease.limits.cpuCores]),
      [
        ["start", 1, 1],
        ["applied", 2, 1.75],
        ["end", 2, 1.75],
      ],
    );
    assert.deepEqual(
      straggler.told().map(({ lease }) => lease.no),
      straggler.told().map((_, i) => i),
    );
    assert.equal(straggler.cores(), 1, "the user's limit is back");
  });

  it("H6: a receiver gives way on the node when a donor needs its CPU back", async () => {
    const receiver = start("receiver", { cpuCores: 1.5 }, 1_500);
    await receiver.begun();
    assert.equal(receiver.cores(), 1, "H1: no plan has given it more yet");
    receiver.plan({ cpuCores: 1.5 });
    await eventually(() => receiver.cores() === 1.5, "its lease");
    const donor = start("needy", { cpuCores: 0.25 }, 700);
    await donor.begun();
    assert.deepEqual([receiver.cores(), donor.cores()], [1.5, 0.25]);
    donor.plan({}); // U, exactly; that one works at its limit depends on what else the host does
    await eventually(() => donor.cores() === 0.75 && receiver.cores() === 1, "as much as the node has");
    await donor.record;
    await eventually(() => receiver.cores() === 1.5 || receiver.types().includes("end"), "what is free again goes back to its plan");
    await receiver.record;
    assert.deepEqual([receiver.cores(), donor.cores()], [1, 1]);
  });

  it("a container that dies under a harvested limit leaves nothing behind, and its share is free at once", async () => {
    const dying = start("dying", { cpuCores: 1.5 }, 60_000);
    await dying.begun();
    dying.plan({ cpuCores: 1.5 });
    await eventually(() => dying.cores() === 1.5, "its lease");
    await containers.get("dying")?.kill();
    assert.equal((await dying.record).response.statusCode, 2);
    assert.equal(dying.types().at(-1), "end");
    const next = start("next", { cpuCores: 1.75 }, 200);
    await next.begun();
    next.plan({ cpuCores: 1.75 });
    await eventually(() => next.cores() === 1.75, "all that the node has");
    await next.record;
  });

  it("complains about nothing", () => {
    assert.deepEqual(logger.complaints, []);
  });
});
