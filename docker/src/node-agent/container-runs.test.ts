/**
 * The rules of container-runs.ts, and a container whose memory cannot go back yet, on a hand-driven clock, with groups that behave as cgroup
 * v2's do. The same code runs on v1 in real containers (agents.test.ts); what the applier does with them is in its own tests.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { Node, Reporter, TermsResolver } from "@openwhisk-harvest/applier";
import type { ContainerGroup, Limits, MemoryLimits, Sample } from "@openwhisk-harvest/cgroup";
import { HarvestError, type HarvestParam, type Observation, type PublishedAllocation } from "@openwhisk-harvest/core";
import { HandClock, RecordingLogger } from "@openwhisk-harvest/testkit";
import { ContainerRecords } from "./container-records.js";
import { ContainerRuns } from "./container-runs.js";
import { HeldContainer } from "./held-container.js";

const folder = mkdtempSync(join(tmpdir(), "owh-node-"));
after(() => rmSync(folder, { recursive: true }));

/** v2: memory.max is not set below what is in use (openGroup refuses), memory.high is there. */
class MemoryGroup implements ContainerGroup {
  readonly name = "group";
  readonly limitsNow: { cpuCores?: number | undefined; memoryMb: number; memoryHighMb?: number | undefined };
  readonly writes: string[] = [];
  readonly #clock: HandClock;
  usedMb = 10;

  constructor(clock: HandClock, limits: { cpuCores?: number; memoryMb: number }) {
    this.#clock = clock;
    this.limitsNow = { ...limits };
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

  read = (): Sample => ({ atMs: this.#clock.monotonicMs(), cpuUsageUs: 0, workingSetBytes: this.usedMb * 2 ** 20 });
  limits = (): Limits => ({ memoryMb: this.limitsNow.memoryMb });
  processes = () => [];
  add = async () => undefined;
  kill = async () => undefined;
  remove = async () => undefined;
}

const NAMES = ["aa", "bb", "cc", "dd"];
const idOf = (n: number) => String(n).padStart(32, "0");
const ROOT = idOf(7);

function setUp(capacity = { cpuCores: 4, memoryMb: 2048 }) {
  const clock = new HandClock();
  const logger = new RecordingLogger();
  const records = new ContainerRecords(mkdtempSync(join(folder, "records-")));
  const grid = { cpuCores: { min: 0.5, max: 4, step: 0.5 }, memoryMb: { min: 128, max: 2048, step: 128 } };
  const published = new Map<string, PublishedAllocation>();
  const keys = new Map<string, HarvestParam>();
  const asked: string[] = [];
  const observations: Observation[] = [];
  const store = { putObservation: async (seen: Observation) => void observations.push(seen), appendEvent: async () => undefined };
  const containers: HeldContainer[] = [];
  const shared = { capacity, grid, clock, logger };
  const node: Node = new Node({
    ...{ ...shared, name: "node0", enforcement: "cgroup-v2" as const, sampling: { periodMs: 20, windowMs: 100 } },
    reporter: new Reporter(store, shared),
    others: () => runs.silentMembers(),
  });
  const lookup = async ({ astPath }: { astPath: string }) => {
    asked.push(astPath);
    const allocation = published.get(astPath);
    return { modes: { v: 1 as const, global: "harvest" as const, namespaces: {} }, ...(allocation ? { allocation } : {}) };
  };
  const runs = new ContainerRuns({
    ...{ ...shared, node, timeLimitMs: 60_000, containers: () => containers },
    terms: new TermsResolver({ ...shared, allocations: { lookup }, allocationTtlMs: 60_000 }),
    activationKeys: { activationKey: async (activationId) => keys.get(activationId) },
  });
  const place = (user: { cpuCores?: number; memoryMb: number } = { cpuCores: 1, memoryMb: 256 }, isBound = true) => {
    const id = (NAMES[containers.length] ?? "ff").repeat(32);
    const group = new MemoryGroup(clock, user);
    const container = new HeldContainer({ id, name: `wsk0_1_guest_${id}`, user }, group, records);
    if (isBound) container.bind({ namespace: "guest" });
    containers.push(container);
    return { container, group };
  };
  const harvest = (position: number, allocation: Partial<PublishedAllocation>) => {
    published.set(`[${position}]`, { v: 1, decision: "d1", namespace: "guest", epoch: 1, ...allocation });
    return { k: `${ROOT}:/[${position}]:0`, d: "d1" };
  };
  const begin = (container: HeldContainer, n: number, more: { harvest?: HarvestParam; running?: number; deadlineMs?: number } = {}) =>
    runs.begin(container, { activationId: idOf(n), cold: false, running: 1, ...more }, () => true);
  const end = (container: HeldContainer, n: number) => runs.end(container, { activationId: idOf(n), outcome: "success" });
  return { node, runs, clock, records, containers, observations, keys, asked, place, harvest, begin, end };
}

describe("runs of a node's containers", () => {
  it("limited-container.C2, H4: write nothing where the user allocation is kept, ask Redis nothing, and are observed", async () => {
    const { place, begin, end, asked, observations } = setUp();
    const { container, group } = place();
    await begin(container, 1);
    assert.equal((await end(container, 1))?.mode, "off");
    assert.deepEqual([group.writes, asked, observations], [[], [], []]);
  });

  it("container-runs.R1: neither of two at once is harvested or observed", async () => {
    const { place, begin, end, harvest, observations } = setUp();
    const { container, group } = place();
    await begin(container, 1, { harvest: harvest(0, { cpuCores: 0.5 }) });
    await assert.rejects(begin(container, 2, { running: 2, harvest: harvest(1, { cpuCores: 0.5 }) }), { code: "OWH_CONFLICT" });
    assert.equal(group.limitsNow.cpuCores, 1);
    assert.equal(await end(container, 1), undefined);
    assert.equal(await end(container, 2), undefined);
    assert.deepEqual(observations, []);
  });

  it("container-runs.R1: one takes the place of another whose end was never told", async () => {
    const { place, begin, end, harvest } = setUp();
    const { container, group } = place();
    await begin(container, 1, { harvest: harvest(0, { cpuCores: 0.5 }) });
    await begin(container, 2);
    assert.equal(group.limitsNow.cpuCores, 1);
    assert.equal((await end(container, 2))?.activationId, idOf(2));
  });

  it("container-runs.R1: of two that begin at the same time the later one stays", async () => {
    const { place, begin, end, harvest, runs } = setUp();
    const { container, group } = place();
    const [first, second] = await Promise.allSettled([
      begin(container, 1, { harvest: harvest(0, { cpuCores: 0.5 }) }),
      begin(container, 2),
    ]);
    assert.deepEqual([first.status, second.status, runs.counts.running], ["rejected", "fulfilled", 1]);
    await end(container, 2);
    assert.equal(group.limitsNow.cpuCores, 1);
  });

  it("container-runs.R2: a container whose agent never spoke counts as busy", async () => {
    const { place, node, runs } = setUp();
    const { container } = place({ cpuCores: 3, memoryMb: 256 }, false);
    const { container: newcomer } = place();
    assert.equal(node.room(newcomer, 0).freeCpuCores, 1);
    runs.heardOf(container);
    assert.equal(node.room(newcomer, 0).freeCpuCores, 4);
  });

  it("container-runs.R3: a hold that is never ended goes after its time limit and a grace", async () => {
    const { place, begin, harvest, clock, observations, runs } = setUp();
    const { container, group } = place();
    await begin(container, 1, { deadlineMs: clock.nowMs() + 1_000, harvest: harvest(0, { cpuCores: 0.5 }) });
    await clock.advance(500);
    assert.equal(group.limitsNow.cpuCores, 1, "half of it");
    await clock.advance(10_500);
    assert.deepEqual([observations.map(({ outcome }) => outcome), runs.counts.running], [["action developer error"], 0]);
  });

  it("bound what a container says of its deadline", async () => {
    const { place, begin, clock, runs } = setUp();
    const { container } = place();
    for (const [deadlineMs, limitMs] of [
      [undefined, 60_000],
      [Number.MAX_VALUE, 60_000],
      [0, 0],
    ] as const) {
      await begin(container, 1, deadlineMs === undefined ? {} : { deadlineMs });
      await clock.advance(limitMs + 9_000);
      assert.equal(runs.counts.running, 1);
      await clock.advance(1_000);
      assert.equal(runs.counts.running, 0);
    }
  });

  it("container-runs.R3: tell what was seen of a container that died, and are forgotten", async () => {
    const { place, begin, harvest, runs, containers, observations, clock } = setUp();
    const { container } = place();
    await begin(container, 1, { harvest: harvest(0, { cpuCores: 0.5 }) });
    await clock.advance(100);
    containers.splice(0);
    await runs.containerGone(container);
    assert.equal(observations[0]?.outcome, "action developer error");
    assert.equal(runs.counts.running, 0);
  });

  it("have nothing applied for an agent that has stopped waiting, and are observed all the same", async () => {
    const { place, runs, harvest, end } = setUp();
    const { container, group } = place();
    await runs.begin(container, { activationId: idOf(1), cold: false, running: 1, harvest: harvest(0, { cpuCores: 0.5 }) }, () => false);
    assert.deepEqual(group.writes, []);
    assert.equal((await end(container, 1))?.activationId, idOf(1));
  });

  it("go by the bus adapter's key before the container's own, and it may serve several activations", async () => {
    const { place, begin, end, harvest, keys } = setUp();
    const { container, group } = place();
    const vouched = harvest(0, { cpuCores: 0.5 });
    for (const n of [1, 2]) {
      keys.set(idOf(n), vouched);
      await begin(container, n, { harvest: harvest(1, { cpuCores: 2 }) });
      assert.equal(group.limitsNow.cpuCores, 0.5);
      assert.equal((await end(container, n))?.k, vouched.k);
    }
    await begin(container, 3, { harvest: vouched });
    await end(container, 3);
    await begin(container, 4, { harvest: vouched });
    assert.equal(group.limitsNow.cpuCores, 1, "the container's own word counts once");
  });

  it("limited-container.C4: leave a raised kill limit until the memory in use lets it go back", async () => {
    const { place, begin, end, harvest, runs } = setUp();
    const { container, group } = place();
    await begin(container, 1, { harvest: harvest(0, { memoryMb: 512 }) });
    assert.equal(group.limitsNow.memoryMb, 512);
    group.usedMb = 400;
    await end(container, 1);
    assert.equal(group.limitsNow.memoryMb, 512);
    await runs.restoreLate();
    assert.equal(group.limitsNow.memoryMb, 512);
    group.usedMb = 100;
    await runs.restoreLate();
    assert.equal(group.limitsNow.memoryMb, 256);
    assert.ok(container.isAsCreated);
  });

  it("raise memory only as far as the node has it free (H6)", async () => {
    const { place, begin, harvest } = setUp({ cpuCores: 4, memoryMb: 900 });
    const { container, group } = place();
    place({ cpuCores: 1, memoryMb: 256 });
    await begin(container, 1, { harvest: harvest(0, { memoryMb: 2048 }) });
    assert.equal(group.limitsNow.memoryMb, 640, "256 of its own, 388 that are free, on the grid");
  });

  it("are all restored when the node agent is told to stop", async () => {
    const { place, begin, harvest, runs, records } = setUp();
    const { container, group } = place();
    await begin(container, 1, { harvest: harvest(0, { cpuCores: 0.5, memoryMb: 512 }) });
    assert.deepEqual(records.read()[0]?.held, { cpuCores: 1, memoryMb: 256 });
    await runs.close();
    assert.deepEqual([group.limitsNow.cpuCores, group.limitsNow.memoryMb], [1, 256]);
    assert.equal(records.read()[0]?.held, undefined);
  });

  it("container-records.J1: have what an earlier process has left restored from the records", async () => {
    const { clock, records } = setUp();
    const group = new MemoryGroup(clock, { cpuCores: 3, memoryMb: 512 });
    const user = { cpuCores: 1, memoryMb: 256 };
    records.write({ containerId: "ee".repeat(32), namespace: "guest", held: user });
    const container = new HeldContainer({ id: "ee".repeat(32), name: "wsk0_1_guest_x", user }, group, records, {
      namespace: "guest",
    });
    assert.ok(await container.restoreFromRecord());
    assert.deepEqual([group.limitsNow.cpuCores, group.limitsNow.memoryMb, group.limitsNow.memoryHighMb], [1, 256, undefined]);
    assert.ok(group.writes.includes("memory /max"), "memory.high is lifted, whatever it was");
    assert.deepEqual(records.read(), [{ containerId: "ee".repeat(32), namespace: "guest" }]);
    await container.forget();
    assert.equal(records.read().length, 0);
  });
});
