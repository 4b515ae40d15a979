/**
 * What every LimitedContainer does, and what a Node makes of it: H1 to H6 as far as one node holds them, and the rules of
 * limited-container.ts, run.ts and node.ts. Run against the containers of every applier. Time is driven by hand, limits are read where they
 * are in force.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { HarvestError } from "@openwhisk-harvest/core";
import { eventually } from "@openwhisk-harvest/testkit";
import type { LimitedContainer } from "./limited-container.js";
import { overlaid, TestNode } from "./node.kit.js";

export interface ContractSubject {
  readonly container: LimitedContainer;
  /** What is in force, read from outside. */
  readonly inForce: () => {
    readonly cpuCores?: number | undefined;
    readonly memoryMb?: number | undefined;
    readonly memoryHighMb?: number | undefined;
  };
}

export interface ContractOptions {
  /** Containers whose user has 1 core and 256 MB, and which are idle. */
  readonly open: () => Promise<ContractSubject>;
  readonly close?: () => Promise<void>;
  /** Whether less memory than the user's is `memory.high`; else it is accounting alone (H5). */
  readonly hasMemoryHigh: boolean;
  readonly skip?: string | false | undefined;
}

const USER = { cpuCores: 1, memoryMb: 256 };

export function limitedContainerContract(name: string, { open, close, hasMemoryHigh, skip = false }: ContractOptions): void {
  describe(`a limited container: ${name}`, { skip }, () => {
    let one: ContractSubject;
    let other: ContractSubject;
    before(async () => {
      one = await open();
      other = await open();
    });
    after(() => close?.());
    const cpuOf = ({ inForce }: ContractSubject) => inForce().cpuCores;
    const isAsUser = (subject: ContractSubject) => {
      const { cpuCores, memoryMb, memoryHighMb } = subject.inForce();
      assert.deepEqual([cpuCores, memoryMb, memoryHighMb], [USER.cpuCores, USER.memoryMb, undefined]);
    };

    it("limited-container.C1, limited-container.C4: says its user's limits, and goes back to them as often as it is asked", async () => {
      const { container } = one;
      assert.deepEqual({ ...container.user }, USER);
      assert.ok(await container.restore());
      isAsUser(one);
      await container.setCpuCores(0.5);
      assert.deepEqual([cpuOf(one), container.cpuCoresInForce], [0.5, 0.5]);
      await container.raiseMemory(384);
      assert.equal(one.inForce().memoryMb, 384);
      assert.ok(await container.restore());
      assert.ok(await container.restore());
      isAsUser(one);
    });

    it("limited-container.C3: never has a kill limit below its user's", async () => {
      await one.container.raiseMemory(128);
      assert.equal(one.inForce().memoryMb, USER.memoryMb);
    });

    it("H5: has less memory as memory.high, where there is such a thing, and loses it again", async () => {
      await one.container.setMemoryHigh(192);
      assert.equal(one.inForce().memoryHighMb, hasMemoryHigh ? 192 : undefined);
      await one.container.setMemoryHigh(undefined);
      isAsUser(one);
    });

    it("H3, H4: a run that keeps its user allocation changes nothing, is observed, and costs no word to Redis (run.R3)", async () => {
      const { node, clock, events, observations, begin } = bound(new TestNode());
      const run = await begin(one.container);
      isAsUser(one);
      await clock.advance(200);
      const { observation, restored } = node.end(run, "end", "success");
      assert.ok(await restored);
      isAsUser(one);
      assert.deepEqual([observation?.allocated, observation?.user, observation?.moved], [USER, USER, undefined]);
      assert.deepEqual([events, observations], [[], []]);
    });

    it("H2: a donor has its allocation from its first word to its last, and its user's limits afterwards", async () => {
      const test = bound(new TestNode());
      const run = await test.begin(one.container, { allocation: { cpuCores: 0.5, memoryMb: 384 } });
      assert.deepEqual([cpuOf(one), one.inForce().memoryMb], [0.5, 384]);
      const { observation, restored } = test.node.end(run, "end", "success");
      assert.ok(await restored);
      isAsUser(one);
      assert.deepEqual(test.words(0), [
        ["start", 1, 0.5],
        ["end", 1, 0.5],
      ]);
      assert.deepEqual(observation?.allocated, { cpuCores: 0.5, memoryMb: 384 });
    });

    it("H1: a receiver starts with its user's CPU, and grows by a plan (hold.K9)", async () => {
      const test = bound(new TestNode());
      const run = await test.begin(one.container, { allocation: { cpuCores: 1.5 } });
      assert.equal(cpuOf(one), 1);
      test.plan(0, { cpuCores: 1.5 });
      await eventually(() => cpuOf(one) === 1.5, "its lease");
      assert.ok(await test.node.end(run, "end", "success").restored);
      isAsUser(one);
    });

    it("H5: a donor has its user's CPU back at half of its time limit, though its group cannot be read (run.R1, hold.K5)", async () => {
      const test = bound(new TestNode());
      const unreadable = withoutReads(one.container);
      const run = await test.begin(unreadable, { timeLimitMs: 4_000, allocation: { cpuCores: 0.5 } });
      await test.clock.advance(1_999);
      assert.equal(cpuOf(one), 0.5);
      await test.clock.advance(1);
      await eventually(() => cpuOf(one) === 1, "its user's CPU");
      await eventually(() => test.words(0).some(([type, , cpuCores]) => type === "applied" && cpuCores === 1), "its word");
      assert.equal(test.logger.complaints.filter((line) => line.startsWith("A run cannot be sampled")).length, 1, "logged once");
      assert.ok(await test.node.end(run, "end", "success").restored);
      isAsUser(one);
    });

    it("H5: a hold whose end is never told expires by the clock, and its container is restored (hold.K7)", async () => {
      const test = bound(new TestNode());
      let expired = 0;
      await test.begin(withoutReads(one.container), { timeLimitMs: 1_000, allocation: { cpuCores: 0.5 }, onExpired: () => expired++ });
      await test.clock.advance(11_000);
      await eventually(() => cpuOf(one) === 1, "its user's CPU");
      assert.equal(expired, 1);
    });

    it("H6: a receiver gives way on the node when a donor is to have its CPU back, and gets it again (node.R3)", async () => {
      const test = bound(new TestNode({ cpuCores: 1.75, memoryMb: 2048 }));
      const receiver = await test.begin(one.container, { allocation: { cpuCores: 1.5 } });
      const donor = await test.begin(other.container, { allocation: { cpuCores: 0.25 } });
      test.plan(0, { cpuCores: 1.5 });
      await eventually(() => cpuOf(one) === 1.5, "its lease");
      test.plan(1, {});
      await eventually(() => cpuOf(other) === 0.75, "as much as the node has");
      assert.deepEqual([cpuOf(one), test.node.figures.excessCores], [1, 0]);
      assert.ok(await test.node.end(donor, "end", "success").restored);
      await eventually(() => cpuOf(one) === 1.5, "what is free again");
      assert.ok(await test.node.end(receiver, "end", "success").restored);
      isAsUser(one);
      isAsUser(other);
    });

    it("H3: a run whose limits cannot be written has its user's (node.R1)", async () => {
      const test = bound(new TestNode());
      const run = await test.begin(refusing(one.container, 0.5), { allocation: { cpuCores: 0.5, memoryMb: 384 } });
      isAsUser(one);
      assert.deepEqual(test.words(0), [["start", undefined, undefined]], "it has no lease");
      assert.ok(await test.node.end(run, "end", "success").restored);
      isAsUser(one);
    });
  });
}

/** A TestNode whose `begin` may be taken out of it. */
function bound(test: TestNode) {
  const { node, clock, logger, events, observations } = test;
  return {
    node,
    clock,
    logger,
    events,
    observations,
    begin: test.begin.bind(test),
    plan: test.plan.bind(test),
    words: test.words.bind(test),
  };
}

/** The same container, but for its sampler's sake. */
function withoutReads(container: LimitedContainer): LimitedContainer {
  const read = () => {
    throw new HarvestError("OWH_NO_CGROUP", "The group cannot be read.");
  };
  return overlaid(container, { group: { read } });
}

/** The same container, but that this CPU limit cannot be written. */
function refusing(container: LimitedContainer, refusedCores: number): LimitedContainer {
  const setCpuCores = async (cpuCores: number) => {
    if (cpuCores === refusedCores) throw new HarvestError("OWH_BAD_ALLOCATION", "refused");
    await container.setCpuCores(cpuCores);
  };
  return overlaid(container, { setCpuCores });
}
