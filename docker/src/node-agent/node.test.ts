/**
 * The node's rules R1 to R3, C4 and H6, on a hand-driven clock, with groups that behave as cgroup v2's do. The same code runs on v1 in
 * real containers (agents.test.ts); what v2's kernel does with a group that was opened is proven in cgroup/, in its virtual machine.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { ContainerGroup, Limits, MemoryLimits, Sample } from "@openwhisk-harvest/cgroup";
import { type Clock, HarvestError, type Observation, type PublishedAllocation, type RunEvent } from "@openwhisk-harvest/core";
import { pino } from "pino";
import { HeldContainer } from "./held-container.js";
import { Journal } from "./journal.js";
import { Node } from "./node.js";
import { Reporter } from "./reporter.js";

const folder = mkdtempSync(join(tmpdir(), "owh-node-"));
after(() => rmSync(folder, { recursive: true }));

class HandClock implements Clock {
  now = 1_000;
  readonly #sleepers: { untilMs: number; wake: () => void }[] = [];
  nowMs = () => this.now;
  monotonicMs = () => this.now;

  sleep(ms: number): Promise<void> {
    return new Promise((wake) => void this.#sleepers.push({ untilMs: this.now + ms, wake }));
  }

  /** Step by step, as the sampler sleeps, so that everybody who is due has run before time goes on. */
  async pass(ms: number): Promise<void> {
    for (const untilMs = this.now + ms; this.now < untilMs; ) {
      this.now = Math.min(untilMs, this.now + 20);
      for (const one of this.#sleepers.splice(0)) one.untilMs <= this.now ? one.wake() : this.#sleepers.push(one);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** v2: memory.max is not set below what is in use (openGroup refuses), memory.high is there. */
class MemoryGroup implements ContainerGroup {
  readonly name = "group";
  readonly limitsNow: { cpuCores?: number | undefined; memoryMb: number; memoryHighMb?: number | undefined };
  readonly writes: string[] = [];
  readonly #clock: HandClock;
  usedMb = 10;
  isUnreadable = false;
  busyCores = 0;
  #cpuUs = 0;
  #atMs: number;

  constructor(clock: HandClock, limits: { cpuCores?: number; memoryMb: number }) {
    this.#clock = clock;
    this.limitsNow = { ...limits };
    this.#atMs = clock.now;
  }

  async setCpuCores(cpuCores: number | undefined): Promise<void> {
    this.writes.push(`cpu ${cpuCores}`);
    this.limitsNow.cpuCores = cpuCores;
  }

  async setMemory({ limitMb, highMb }: MemoryLimits): Promise<void> {
    if (typeof limitMb === "number" && limitMb < this.usedMb + 4) throw new HarvestError("OWH_BAD_ALLOCATION", "in use");
    if (typeof limitMb === "number") this.limitsNow.memoryMb = limitMb;
    if (highMb !== undefined) this.limitsNow.memoryHighMb = highMb === "max" ? undefined : highMb;
    this.writes.push(`memory ${limitMb ?? ""}/${highMb ?? ""}`);
  }

  /** Uses what it wants of what it may. */
  read(): Sample {
    if (this.isUnreadable) throw new HarvestError("OWH_NO_CGROUP", "unreadable");
    const cores = Math.min(this.busyCores, this.limitsNow.cpuCores ?? this.busyCores);
    this.#cpuUs += (this.#clock.now - this.#atMs) * 1_000 * cores;
    this.#atMs = this.#clock.now;
    return { atMs: this.#clock.now, cpuUsageUs: this.#cpuUs, workingSetBytes: this.usedMb * 2 ** 20 };
  }

  limits = (): Limits => ({ memoryMb: this.limitsNow.memoryMb });
  processes = () => [];
  add = async () => undefined;
  kill = async () => undefined;
  remove = async () => undefined;
}

const NAMES = ["aa", "bb", "cc", "dd"];
const idOf = (n: number) => String(n).padStart(32, "0");
const ROOT = idOf(7);

interface Placed {
  readonly container: HeldContainer;
  readonly group: MemoryGroup;
}

function setUp(capacity = { cpuCores: 4, memoryMb: 2048 }) {
  const clock = new HandClock();
  const journal = new Journal(mkdtempSync(join(folder, "journal-")));
  const warnings: string[] = [];
  const logger = pino({ level: "warn" }, { write: (line: string) => void warnings.push((JSON.parse(line) as { msg: string }).msg) });
  const published = new Map<string, PublishedAllocation>();
  const observations: Observation[] = [];
  const events: RunEvent[] = [];
  const store = {
    putObservation: async (observation: Observation) => void observations.push(observation),
    appendEvent: async (event: RunEvent) => void events.push(event),
  };
  const containers: HeldContainer[] = [];
  const node = new Node({
    ...{ name: "node0", capacity, enforcement: "cgroup-v2" as const, sampling: { periodMs: 20, windowMs: 100 } },
    grid: { cpuCores: { min: 0.5, max: 4, step: 0.5 }, memoryMb: { min: 128, max: 2048, step: 128 } },
    ...{ timeLimitMs: 60_000, allocationTtlMs: 60_000, containers: () => containers, clock, logger },
    allocations: {
      lookup: async ({ astPath }) => {
        const allocation = published.get(astPath);
        return { modes: { v: 1, global: "harvest", namespaces: {} }, ...(allocation ? { allocation } : {}) };
      },
    },
    reporter: new Reporter(store, { clock, logger }),
  });
  const place = (user: { cpuCores?: number; memoryMb: number } = { cpuCores: 1, memoryMb: 256 }): Placed => {
    const id = (NAMES[containers.length] ?? "ff").repeat(32);
    const group = new MemoryGroup(clock, user);
    const container = new HeldContainer({ id, name: `wsk0_1_guest_${id}`, pid: 1, user }, group, journal);
    container.bind({ namespace: "guest" });
    containers.push(container);
    return { container, group };
  };
  const harvest = (position: number, allocation: Partial<PublishedAllocation>) => {
    published.set(`[${position}]`, { v: 1, decision: "d1", namespace: "guest", epoch: 1, ...allocation });
    return { k: `${ROOT}:/[${position}]:0`, d: "d1" };
  };
  const plan = (position: number, cpuCores: number, epoch = 2) =>
    node.onPlans({ [`${ROOT}:/[${position}]:0`]: { v: 1, decision: "d1", namespace: "guest", epoch, cpuCores } });
  const begin = (container: HeldContainer, n: number, more: { harvest?: { k: string; d: string }; running?: number } = {}) =>
    node.begin(container, { activationId: idOf(n), cold: false, running: 1, ...more }, () => true);
  const end = (container: HeldContainer, n: number) => node.end(container, { activationId: idOf(n), outcome: "success" });
  return { node, clock, journal, containers, observations, events, warnings, place, harvest, plan, begin, end };
}

describe("the node", () => {
  it("C2, H4: writes nothing for a run that keeps its user allocation, and observes it", async () => {
    const { place, begin, end, clock } = setUp();
    const { container, group } = place();
    group.busyCores = 0.5;
    await begin(container, 1);
    await clock.pass(200);
    const seen = await end(container, 1);
    assert.deepEqual(group.writes, []);
    assert.equal(seen?.mode, "off");
    assert.ok(Math.abs((seen?.cpuMeanCores ?? 0) - 0.5) < 1e-9);
  });

  it("H6: gives receivers what is there, and takes it back when others come", async () => {
    const { place, begin, end, harvest, plan, clock } = setUp();
    const [one, two, three] = [place(), place(), place()];
    await begin(one.container, 1, { harvest: harvest(0, { cpuCores: 4 }) });
    assert.equal(one.group.limitsNow.cpuCores, 1, "H1: what is above U comes when a donor has given it");
    plan(0, 4);
    await clock.pass(20);
    assert.equal(one.group.limitsNow.cpuCores, 4);
    await begin(two.container, 2);
    assert.equal(one.group.limitsNow.cpuCores, 3);
    await begin(three.container, 3, { harvest: harvest(1, { cpuCores: 0.5 }) });
    assert.deepEqual([one.group.limitsNow.cpuCores, three.group.limitsNow.cpuCores], [2.5, 0.5]);
    await end(two.container, 2);
    assert.equal(one.group.limitsNow.cpuCores, 3.5);
    await end(one.container, 1);
    await end(three.container, 3);
    assert.deepEqual(
      [one, two, three].map(({ group }) => group.limitsNow.cpuCores),
      [1, 1, 1],
    );
  });

  it("R1: lets neither of two runs at once be harvested or observed", async () => {
    const { place, begin, end, harvest, observations } = setUp();
    const { container, group } = place();
    await begin(container, 1, { harvest: harvest(0, { cpuCores: 2 }) });
    await assert.rejects(begin(container, 2, { running: 2, harvest: harvest(1, { cpuCores: 2 }) }), { code: "OWH_CONFLICT" });
    assert.equal(group.limitsNow.cpuCores, 1);
    assert.equal(await end(container, 1), undefined);
    assert.equal(await end(container, 2), undefined);
    assert.deepEqual(observations, []);
  });

  it("R1: puts a run in the place of one whose end was never told", async () => {
    const { place, begin, end, harvest } = setUp();
    const { container, group } = place();
    await begin(container, 1, { harvest: harvest(0, { cpuCores: 2 }) });
    await begin(container, 2);
    assert.equal(group.limitsNow.cpuCores, 1);
    assert.equal((await end(container, 2))?.activationId, idOf(2));
  });

  it("R3: ends a hold that nobody ends, after its time limit and a grace", async () => {
    const { place, node, harvest, plan, clock, observations } = setUp();
    const { container, group } = place();
    const start = { activationId: idOf(1), cold: false, running: 1, deadlineMs: clock.now + 1_000, harvest: harvest(0, { cpuCores: 2 }) };
    await node.begin(container, start, () => true);
    plan(0, 2);
    await clock.pass(20);
    assert.equal(group.limitsNow.cpuCores, 2);
    await clock.pass(12_000);
    assert.equal(group.limitsNow.cpuCores, 1);
    assert.deepEqual(
      observations.map(({ outcome }) => outcome),
      ["action developer error"],
    );
  });

  it("R3: tells what was seen of a container that died, and forgets it", async () => {
    const { place, begin, harvest, node, containers, observations, clock } = setUp();
    const { container } = place();
    await begin(container, 1, { harvest: harvest(0, { cpuCores: 2 }) });
    await clock.pass(100);
    containers.splice(0);
    await node.containerGone(container);
    assert.equal(observations[0]?.outcome, "action developer error");
    assert.equal(node.counts.running, 0);
  });

  it("applies nothing for an agent that has stopped waiting, and observes all the same", async () => {
    const { place, node, harvest, end } = setUp();
    const { container, group } = place();
    await node.begin(container, { activationId: idOf(1), cold: false, running: 1, harvest: harvest(0, { cpuCores: 2 }) }, () => false);
    assert.deepEqual(group.writes, []);
    assert.equal((await end(container, 1))?.activationId, idOf(1));
  });

  it("H5: gives a donor its user allocation back when it works at its limit beyond what was predicted", async () => {
    const { place, begin, end, harvest, clock, events } = setUp();
    const { container, group } = place({ cpuCores: 2, memoryMb: 256 });
    group.busyCores = 2;
    await begin(container, 1, { harvest: harvest(0, { cpuCores: 0.5 }) });
    assert.equal(group.limitsNow.cpuCores, 0.5);
    await clock.pass(600);
    assert.equal(group.limitsNow.cpuCores, 2);
    assert.ok(events.some(({ type }) => type === "throttled"));
    const seen = await end(container, 1);
    assert.deepEqual([seen?.allocated.cpuCores, seen?.moved?.givenBack], [0.5, true]);
  });

  it("H5: gives a donor its user allocation back at half of its time limit though its group cannot be read", async () => {
    const { place, node, harvest, clock, events, warnings } = setUp();
    const { container, group } = place({ cpuCores: 2, memoryMb: 256 });
    const harvested = harvest(0, { cpuCores: 0.5 });
    const start = { activationId: idOf(1), cold: false, running: 1, deadlineMs: clock.now + 4_000, harvest: harvested };
    await node.begin(container, start, () => true);
    group.isUnreadable = true;
    await clock.pass(1_980);
    assert.equal(group.limitsNow.cpuCores, 0.5);
    await clock.pass(40);
    assert.equal(group.limitsNow.cpuCores, 2);
    assert.deepEqual(events.at(-1)?.lease?.limits.cpuCores, 2, "and the ledger knows");
    assert.deepEqual(warnings, ["A run cannot be sampled; it is tried again."], "once");
    await clock.pass(12_000);
    assert.equal(node.counts.running, 0, "its hold expires");
    assert.ok(container.isAsCreated);
  });

  it("H5: does so for a donor that could not be read from its start, and samples it as soon as it can be", async () => {
    const { place, begin, end, harvest, clock, events } = setUp();
    const { container, group } = place({ cpuCores: 2, memoryMb: 256 });
    group.isUnreadable = true;
    group.busyCores = 2;
    await begin(container, 1, { harvest: harvest(0, { cpuCores: 0.5 }) });
    await clock.pass(200);
    group.isUnreadable = false;
    await clock.pass(800);
    assert.ok(events.some(({ type }) => type === "throttled"));
    assert.equal(group.limitsNow.cpuCores, 2);
    assert.equal(await end(container, 1), undefined, "what it used before is not known, so nothing is told of it");
  });

  it("C4: keeps a raised kill limit until the memory in use lets it go back", async () => {
    const { place, begin, end, harvest, node } = setUp();
    const { container, group } = place();
    await begin(container, 1, { harvest: harvest(0, { memoryMb: 512 }) });
    assert.equal(group.limitsNow.memoryMb, 512);
    group.usedMb = 400;
    await end(container, 1);
    assert.equal(group.limitsNow.memoryMb, 512);
    await node.restoreLate();
    assert.equal(group.limitsNow.memoryMb, 512);
    group.usedMb = 100;
    await node.restoreLate();
    assert.equal(group.limitsNow.memoryMb, 256);
    assert.ok(container.isAsCreated);
  });

  it("H5: takes a donor's memory by memory.high alone, and lifts it after the run", async () => {
    const { place, begin, end, harvest } = setUp();
    const { container, group } = place({ cpuCores: 1, memoryMb: 512 });
    await begin(container, 1, { harvest: harvest(0, { memoryMb: 256 }) });
    assert.deepEqual([group.limitsNow.memoryMb, group.limitsNow.memoryHighMb], [512, 256]);
    await end(container, 1);
    assert.deepEqual([group.limitsNow.memoryMb, group.limitsNow.memoryHighMb], [512, undefined]);
  });

  it("moves a run by newer plans, and by no older one", async () => {
    const { place, begin, harvest, node, clock } = setUp();
    const { container, group } = place();
    const { k } = harvest(0, { cpuCores: 2, epoch: 2 });
    await begin(container, 1, { harvest: { k, d: "d1" } });
    const plan = (epoch: number, cpuCores: number, decision = "d1") =>
      node.onPlans({ [k]: { v: 1, decision, namespace: "guest", epoch, cpuCores } });
    for (const [epoch, cpuCores, decision, expected] of [
      [3, 3, "d1", 3],
      [2, 1, "d1", 3],
      [4, 1, "another", 3],
      [4, 1.5, "d1", 1.5],
    ] as const) {
      plan(epoch, cpuCores, decision);
      await clock.pass(20);
      assert.equal(group.limitsNow.cpuCores, expected);
    }
  });

  it("restores everything when it is told to stop", async () => {
    const { place, begin, harvest, node, journal } = setUp();
    const { container, group } = place();
    await begin(container, 1, { harvest: harvest(0, { cpuCores: 3, memoryMb: 512 }) });
    assert.deepEqual(journal.read()[0]?.held, { cpuCores: 1, memoryMb: 256 });
    await node.close();
    assert.deepEqual([group.limitsNow.cpuCores, group.limitsNow.memoryMb], [1, 256]);
    assert.equal(journal.read()[0]?.held, undefined);
  });

  it("restores from the journal whatever an earlier process has left", async () => {
    const { clock, journal } = setUp();
    const group = new MemoryGroup(clock, { cpuCores: 3, memoryMb: 512 });
    const user = { cpuCores: 1, memoryMb: 256 };
    journal.write({ containerId: "ee".repeat(32), namespace: "guest", held: user });
    const container = new HeldContainer({ id: "ee".repeat(32), name: "wsk0_1_guest_x", pid: 1, user }, group, journal, {
      namespace: "guest",
    });
    assert.ok(await container.restoreFromJournal());
    assert.deepEqual([group.limitsNow.cpuCores, group.limitsNow.memoryMb, group.limitsNow.memoryHighMb], [1, 256, undefined]);
    assert.ok(group.writes.includes("memory /max"), "memory.high is lifted, whatever it was");
    assert.deepEqual(journal.read(), [{ containerId: "ee".repeat(32), namespace: "guest" }]);
    await container.forget();
    assert.equal(journal.read().length, 0);
  });
});
