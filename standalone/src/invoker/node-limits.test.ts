/** The order of writes on one node, with writes that take their time or fail. What should be written is core's to prove. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CpuClaim } from "@openwhisk-harvest/applier";
import { eventually, recordingLogger } from "../container/testing.js";
import { NodeLimits, type NodeMember } from "./node-limits.js";
import { GRID } from "./testing.js";

const CAPACITY = { cpuCores: 2, memoryMb: 1024 };

/** A member whose writes wait until they are let go, and are noted when they begin. */
class SlowMember implements NodeMember {
  readonly id: string;
  claimed: CpuClaim;
  settledTimes = 0;
  fails = false;
  #letGo: (() => void)[] = [];
  readonly #log: string[];

  constructor(id: string, claimed: CpuClaim, log: string[]) {
    this.id = id;
    this.claimed = claimed;
    this.#log = log;
  }

  claim = () => this.claimed;
  settled = () => void this.settledTimes++;

  async write(cpuCores: number): Promise<void> {
    this.#log.push(`${this.id} ${cpuCores}`);
    await new Promise<void>((resolve) => this.#letGo.push(resolve));
    if (this.fails) throw new Error("refused");
  }

  async letGo(): Promise<void> {
    await eventually(() => this.#letGo.length > 0, `${this.id} is written`);
    this.#letGo.shift()?.();
  }
}

const claim = (floorCores: number, wantsCores: number, urgent = false): CpuClaim => ({ floorCores, userCores: 1, wantsCores, urgent });

function node() {
  const log: string[] = [];
  const logger = recordingLogger();
  const limits = new NodeLimits(CAPACITY, GRID.cpuCores, logger);
  const enter = async (id: string, claimed: CpuClaim) => {
    const member = new SlowMember(id, claimed, log);
    const entered = limits.enter(member);
    await member.letGo();
    await entered;
    return member;
  };
  return { log, logger, limits, enter };
}

test("H6: who grows waits until who shrinks has shrunk", async () => {
  const { log, limits, enter } = node();
  const receiver = await enter("receiver", claim(1, 1.75));
  const donor = await enter("donor", claim(0.25, 0.25));
  donor.claimed = claim(0.25, 1, true);
  const settled = limits.settle();
  await eventually(() => log.length === 3, "the first write");
  assert.deepEqual(log, ["receiver 1.75", "donor 0.25", "receiver 1"]);
  await receiver.letGo();
  await donor.letGo();
  await settled;
  assert.deepEqual(log.slice(3), ["donor 1"]);
  assert.deepEqual(limits.figures, { runs: 2, inForceCores: 2, excessCores: 0 });
});

test("what has changed while a write was under way is taken into account by the next", async () => {
  const { log, limits, enter } = node();
  const receiver = await enter("receiver", claim(1, 1));
  receiver.claimed = claim(1, 1.75);
  const growing = limits.settle();
  await eventually(() => log.length === 2, "it grows");
  receiver.claimed = claim(1, 1.25);
  void limits.settle();
  await receiver.letGo();
  await receiver.letGo();
  await growing;
  assert.deepEqual(log, ["receiver 1", "receiver 1.75", "receiver 1.25"]);
});

test("who leaves makes room at once for those who lack something", async () => {
  const { log, limits, enter } = node();
  await enter("first", claim(1, 1));
  const receiver = await enter("receiver", claim(1, 2));
  assert.deepEqual(log, ["first 1", "receiver 1"]);
  const left = limits.leave("first");
  await receiver.letGo();
  await left;
  assert.deepEqual(log.slice(2), ["receiver 2"]);
  await limits.leave("first"); // twice is once
});

test("a limit that cannot be written at the start refuses the run, and later it is left alone", async () => {
  const { log, logger, limits, enter } = node();
  const refused = new SlowMember("refused", claim(1, 1), log);
  refused.fails = true;
  const entered = limits.enter(refused);
  await refused.letGo();
  await assert.rejects(entered);
  assert.equal(limits.figures.runs, 0);

  const member = await enter("later", claim(0.25, 0.25));
  member.fails = true;
  member.claimed = claim(0.25, 1, true);
  const settled = limits.settle();
  await member.letGo();
  await settled;
  await limits.settle();
  assert.equal(log.filter((line) => line === "later 1").length, 1);
  assert.equal(limits.figures.inForceCores, 1, "it may be in force, so it counts");
  assert.equal(logger.complaints.length, 2);
});

test("everybody hears when the node can do no more", async () => {
  const { limits, enter } = node();
  const member = await enter("one", claim(1, 1));
  const before = member.settledTimes;
  await limits.settle();
  assert.equal(member.settledTimes, before + 1);
});

test("who lends its CPU keeps next to none until it is back, and the two never have more than it had", async () => {
  const { log, limits, enter } = node();
  const lender = await enter("lender", claim(2, 2));
  const back = limits.lend("lender");
  await lender.letGo();
  await enter("borrower", claim(1.95, 1.95));
  assert.deepEqual(limits.figures, { runs: 2, inForceCores: 2, excessCores: 0 });
  await limits.leave("borrower");
  back();
  await lender.letGo();
  await limits.settle();
  assert.deepEqual(log, ["lender 2", "lender 0.05", "borrower 1.95", "lender 2"]);
  limits.lend("nobody")();
});
