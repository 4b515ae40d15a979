/** The order of writes and words on one node, with writes that take their time or fail, on a clock that only the test moves. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { settled } from "@openwhisk-harvest/testkit";
import { MemoryContainer } from "./memory-container.kit.js";
import { type StartOptions, TestNode } from "./node.kit.js";
import { REPEAT_MS } from "./run-event.js";

/** A node whose writes wait until they are let go. */
function slowNode(capacityCores = 2) {
  const test = new TestNode({ cpuCores: capacityCores, memoryMb: 4096 });
  const log: string[] = [];
  const waiting: (() => void)[] = [];
  let isSlow = false;
  let count = 0;
  const start = async (options: StartOptions = {}, userCores = 1) => {
    const id = `c${count++}`;
    const container = new MemoryContainer(id, { cpuCores: userCores, memoryMb: 512 }, test.clock);
    container.gate = async (write) => {
      log.push(`${id} ${write}`);
      if (isSlow) await new Promise<void>((resolve) => waiting.push(resolve));
    };
    return { container, run: await test.begin(container, options) };
  };
  const slowly = () => {
    isSlow = true;
  };
  const letGo = async () => {
    waiting.shift()?.();
    await settled();
  };
  return { test, log, start, slowly, letGo };
}

describe("a node", () => {
  it("H6: lets a run that grows wait until the one that shrinks has shrunk", async () => {
    const { test, log, start, slowly, letGo } = slowNode();
    const receiver = await start({ allocation: { cpuCores: 1.75 } });
    const donor = await start({ allocation: { cpuCores: 0.25 } });
    test.plan(0, { cpuCores: 1.75 });
    await settled();
    assert.deepEqual(log.splice(0), ["c1 cpu 0.25", "c0 cpu 1.75"]);
    slowly();
    test.plan(1, {});
    await settled();
    assert.deepEqual(log, ["c0 cpu 1"], "the donor waits");
    await letGo();
    assert.deepEqual(log, ["c0 cpu 1", "c1 cpu 1"]);
    await letGo();
    assert.deepEqual(
      [receiver, donor].map(({ container }) => container.cpuCoresInForce),
      [1, 1],
    );
    assert.deepEqual(test.node.figures, { runs: 2, inForceCores: 2, excessCores: 0 });
  });

  it("node.R2: takes what has changed while a write was under way into account with the next", async () => {
    const { test, log, start, slowly, letGo } = slowNode();
    await start({ allocation: { cpuCores: 1.75 } });
    slowly();
    test.plan(0, { cpuCores: 1.75 });
    await settled();
    test.plan(0, { cpuCores: 1.25, epoch: 3 });
    await letGo();
    await letGo();
    assert.deepEqual(log, ["c0 cpu 1.75", "c0 cpu 1.25"]);
  });

  it("node.R1: refuses a run when not even its user's limits can be written", async () => {
    const { test, start } = slowNode();
    const container = new MemoryContainer("refused", { cpuCores: 1, memoryMb: 512 }, test.clock);
    container.cpuCoresInForce = undefined; // as one that was just made
    container.gate = () => Promise.reject(new Error("refused"));
    await assert.rejects(test.begin(container, { allocation: { cpuCores: 0.5 } }), /refused/);
    assert.deepEqual([test.node.figures.runs, test.events], [0, []]);
    await start();
    assert.equal(test.node.figures.inForceCores, 1, "the place of the refused one is free");
  });

  it("node-budget.N5: leaves a limit alone that could not be written later, and counts what may be in force", async () => {
    const { test, start } = slowNode();
    const { container } = await start({ allocation: { cpuCores: 0.25 } });
    container.gate = () => Promise.reject(new Error("refused"));
    test.plan(0, {});
    await settled();
    await test.node.settle();
    assert.deepEqual(container.writes, ["cpu 0.25", "cpu 1"]);
    assert.equal(test.node.figures.inForceCores, 1);
  });

  it("leaves a run that lends its CPU next to none until it is back, and the two never have more than it had", async () => {
    const { test, log, start } = slowNode();
    const lender = await start({}, 2);
    const back = test.node.lend(lender.run.activationId);
    await settled();
    const borrower = await start({ allocation: { cpuCores: 1.75 } }, 1.75);
    assert.deepEqual(test.node.figures, { runs: 2, inForceCores: 1.8, excessCores: 0 });
    await test.node.end(borrower.run, "end").restored;
    back();
    await settled();
    assert.deepEqual(log, ["c0 cpu 0.05", "c0 cpu 2"]);
    test.node.lend("unknown")();
  });

  it("run.R1: repeats the last word on a lease by the clock, though nothing can be sampled", async () => {
    const { test, start } = slowNode();
    const { container, run } = await start({ allocation: { cpuCores: 0.5 } });
    container.isUnreadable = true;
    await test.clock.advance(3 * REPEAT_MS);
    const leases = test.events.flatMap(({ lease }) => lease ?? []);
    assert.deepEqual(
      leases.map(({ no, repeatMs }) => [no, repeatMs]),
      [0, 1, 2, 3].map((no) => [no, REPEAT_MS]),
    );
    await test.node.end(run, "end", "success").restored;
    await test.clock.advance(3 * REPEAT_MS);
    assert.equal(test.events.length, 5, "and nothing after its end");
  });

  it("run.R2: answers a plan that it takes up, and one that is newer and cannot be applied; an older one is ignored", async () => {
    const { test, start } = slowNode();
    const { container } = await start({ allocation: { cpuCores: 0.5 } });
    test.plan(0, { cpuCores: 0.75 });
    await settled();
    test.plan(0, { cpuCores: 0.25, epoch: 2 });
    test.plan(0, { cpuCores: 0.25, epoch: 3, decision: "another" });
    await settled();
    assert.deepEqual(test.words(0), [
      ["start", 1, 0.5],
      ["applied", 2, 0.75],
    ]);
    test.plan(0, { cpuCores: 0.25, epoch: 3, namespace: "another" });
    await settled();
    assert.deepEqual([test.words(0).length, test.words(0).at(-1), container.cpuCoresInForce], [3, ["applied", 2, 0.75], 0.75]);
  });

  it("H5: gives a donor its user's CPU back when it works at its limit beyond what was predicted, and tells of it", async () => {
    const { test, start } = slowNode();
    const { container, run } = await start({ allocation: { cpuCores: 0.25, workCoreMs: 50 } });
    container.busyCores = 1;
    await test.clock.advance(1_000);
    assert.equal(container.cpuCoresInForce, 1);
    assert.deepEqual(
      test
        .words(0)
        .map(([type, , cpuCores]) => [type, cpuCores])
        .slice(0, 3),
      [
        ["start", 0.25],
        ["throttled", 0.25],
        ["applied", 1],
      ],
    );
    const { observation } = test.node.end(run, "end", "success");
    assert.deepEqual([observation?.allocated.cpuCores, observation?.moved?.times, observation?.moved?.givenBack], [0.25, 1, true]);
    assert.deepEqual(test.observations, [observation]);
  });

  it("H5: takes memory as memory.high, lifts it when the run comes near it, and counts what it holds", async () => {
    const { test, start } = slowNode();
    const { container, run } = await start({ allocation: { memoryMb: 256 } });
    assert.deepEqual([container.memoryMb, container.memoryHighMb], [512, 256]);
    container.usedMb = 250;
    await test.clock.advance(40);
    assert.equal(container.memoryHighMb, undefined);
    assert.deepEqual(
      test.events.map(({ type, lease }) => [type, lease?.limits.memoryMb]),
      [
        ["start", 256],
        ["near-memory", 512],
      ],
    );
    assert.equal(test.node.end(run, "end", "success").observation?.allocated.memoryMb, 256);
  });

  it("terms.A3: writes no CPU limit where the user has none, and leaves the CPU out of its words", async () => {
    const test = new TestNode();
    const container = new MemoryContainer("unbound", { memoryMb: 256 }, test.clock);
    const run = await test.begin(container, { allocation: { memoryMb: 384 } });
    test.plan(0, { cpuCores: 1.5, memoryMb: 384 });
    await settled();
    assert.deepEqual([container.writes, test.node.figures.inForceCores], [["memory 384"], 0]);
    assert.ok(await test.node.end(run, "end", "success").restored);
    assert.deepEqual(
      test.words(0).map(([, , cpuCores]) => cpuCores),
      [undefined, undefined, undefined],
    );
  });

  it("run.R4: tells of a container that died what was seen, and restores nothing; a second end changes nothing", async () => {
    const { test, start } = slowNode();
    const { container, run } = await start({ allocation: { cpuCores: 0.5 } });
    const { observation, restored } = test.node.end(run, "died", "action developer error");
    assert.equal(await restored, false);
    assert.deepEqual([observation?.outcome, container.writes], ["action developer error", ["cpu 0.5"]]);
    assert.equal(test.node.end(run, "end", "success").observation, undefined);
    assert.deepEqual(
      test.words(0).map(([type]) => type),
      ["start", "end"],
    );
  });

  it("tells of a run of a composition that it began and ended, without a lease", async () => {
    const { test, start } = slowNode();
    const { run } = await start({ harvest: { k: `${"cd".repeat(16)}:/[0]:0` } });
    await test.node.end(run, "end", "success").restored;
    assert.deepEqual(
      test.events.map(({ type, lease }) => [type, lease]),
      [
        ["start", undefined],
        ["end", undefined],
      ],
    );
    assert.equal(test.observations.length, 1);
  });
});
