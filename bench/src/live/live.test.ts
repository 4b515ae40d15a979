/** The pure parts of the live experiments. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type RunEvent, type RunEventType, seededRng } from "@openwhisk-harvest/core";
import { shareOfOracle } from "../oracle.js";
import { bootstrapInterval } from "./bootstrap.js";
import { growthMs } from "./growth.js";
import { orderOf, runRound } from "./rounds.js";
import { splitsOf } from "./splits.js";

const AXIS = { min: 0.25, max: 2, step: 0.25 };

describe("splits", () => {
  it("are all ways to give the whole budget, each once, no branch below the minimum", () => {
    // 6 quarters over 3 branches, one at least: C(5, 2) = 10
    const splits = splitsOf(AXIS, 1.5, 3);
    assert.equal(new Set(splits.map((split) => split.join())).size, 10);
    for (const split of splits) {
      assert.equal(
        split.reduce((sum, cores) => sum + cores, 0),
        1.5,
      );
      assert.ok(split.every((cores) => cores >= 0.25));
    }
    assert.equal(splitsOf(AXIS, 2, 4).length, 35);
  });

  it("are none when the budget does not hold the minimum of each", () => {
    assert.deepEqual(splitsOf(AXIS, 0.5, 3), []);
    assert.deepEqual(splitsOf(AXIS, 0.75, 3), [[0.25, 0.25, 0.25]]);
  });
});

describe("rounds", () => {
  it("begin with another arm each, so that every arm has every place equally often", async () => {
    const arms = ["a", "b", "c"] as const;
    assert.deepEqual(
      [0, 1, 2, 3].map((round) => orderOf(arms, round).join("")),
      ["abc", "bca", "cab", "abc"],
    );
    const seen: string[] = [];
    const round = await runRound(arms, 1, async (arm) => seen.push(arm));
    assert.deepEqual([seen, round], [["b", "c", "a"], { b: 1, c: 2, a: 3 }]);
  });
});

describe("how soon the first receiver grows", () => {
  const USER_CORES = 1;
  const told = (k: string, atMs: number, type: RunEventType, cpuCores: number): RunEvent => ({
    ...{ type, activationId: "a".repeat(32), atMs, k },
    lease: { no: 0, namespace: "guest", decision: "d", epoch: 0, limits: { cpuCores, memoryMb: 256 }, node: "n" },
  });
  const growth = (...events: RunEvent[]) => growthMs(events, () => USER_CORES);

  it("counts from the first donor's limit, or from the receiver's start where that is later", () => {
    const donor = [told("donor", 10, "start", 0.5), told("other", 12, "start", 0.5)];
    const early = [told("early", 5, "start", 1), ...donor, told("early", 15, "applied", 1.5), told("early", 20, "applied", 2)];
    assert.equal(growth(...early), 5);
    assert.equal(growth(...donor, told("late", 40, "start", 1), told("late", 43, "applied", 2)), 3);
  });

  it("counts no run that keeps what its user gave it, and none without a donor", () => {
    assert.equal(growth(told("donor", 10, "start", 0.5), told("keeps", 11, "start", 1), told("keeps", 12, "applied", 1)), undefined);
    assert.equal(growth(told("one", 10, "start", 1), told("one", 12, "applied", 2)), undefined);
  });
});

describe("the share of the oracle's gain", () => {
  const rounds = [
    { off: 200, paper: 200, makespan: 110, oracle: 100 },
    { off: 210, paper: 205, makespan: 120, oracle: 110 },
  ];

  it("is what an arm saves of what the oracle saves", () => {
    assert.equal(shareOfOracle(rounds, "oracle"), 1);
    assert.equal(shareOfOracle(rounds, "makespan"), 0.9);
    assert.equal(shareOfOracle(rounds, "paper"), 0.025);
  });

  it("has an interval that holds it, is the same for the same seed, and shrinks to it where nothing varies", () => {
    const statistic = (drawn: readonly (typeof rounds)[number][]) => shareOfOracle(drawn, "paper");
    const interval = bootstrapInterval(rounds, statistic, { rng: seededRng(1) });
    assert.ok(interval.low <= 0.025 && interval.high >= 0.025 && interval.low < interval.high);
    assert.deepEqual(bootstrapInterval(rounds, statistic, { rng: seededRng(1) }), interval);
    const same = Array.from({ length: 5 }, () => ({ off: 2, paper: 1.5, makespan: 1, oracle: 1 }));
    assert.deepEqual(
      bootstrapInterval(same, (drawn) => shareOfOracle(drawn, "paper"), { rng: seededRng(2) }),
      { low: 0.5, high: 0.5 },
    );
  });
});
