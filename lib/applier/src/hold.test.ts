/** The rules of hold.ts, each by an example. What holds for all orders of events is in hold-node.test.ts. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Grid, PublishedAllocation } from "@openwhisk-harvest/core";
import { claimOf, HOLD_RULES, type Hold, type HoldEffect, type HoldEvent, type HoldTerms, nextTickMs, openHold, stepHold } from "./hold.js";
import { meanCores } from "./limit-history.js";

const GRID: Grid = { cpuCores: { min: 0.25, max: 2, step: 0.25 }, memoryMb: { min: 128, max: 8192, step: 128 } };
const U = { cpuCores: 1, memoryMb: 512 };
const allocated = (more: Partial<PublishedAllocation> = {}): PublishedAllocation => ({
  v: 1,
  cpuCores: 0.25,
  decision: "d",
  namespace: "guest",
  epoch: 1,
  ...more,
});
const DONOR = allocated();

function terms(allocation: PublishedAllocation | undefined, more: Partial<HoldTerms> = {}): HoldTerms {
  return {
    startedAtMs: 0,
    timeLimitMs: 60_000,
    user: U,
    granted: { cpuCores: allocation?.cpuCores ?? 1, memoryMb: 512 },
    beneficiary: { namespace: "guest", stamp: "d" },
    grid: GRID,
    ...(allocation && { allocation }),
    ...more,
  };
}

/** A hold that is driven by hand and remembers what it wanted done. */
class Driven {
  hold: Hold;
  readonly effects: HoldEffect[] = [];

  constructor(allocation: PublishedAllocation | undefined, more: Partial<HoldTerms> = {}) {
    const opened = openHold(terms(allocation, more));
    this.hold = opened.hold;
    this.effects.push(...opened.effects);
    this.inForce(0);
  }

  on(event: HoldEvent): this {
    const { hold, effects } = stepHold(this.hold, event);
    this.hold = hold;
    this.effects.push(...effects);
    return this;
  }

  /** The node gives all that is claimed. */
  inForce(atMs: number): this {
    return this.on({ type: "in-force", atMs, cpuCores: claimOf(this.hold).wantsCores }).on({ type: "settled" });
  }

  /** Works at so many cores from one time to another, sampled every 20 ms. */
  work(fromMs: number, toMs: number, cores: number, memoryMb = 100): this {
    const base = this.hold.lastSample?.cpuTimeMs ?? 0;
    for (let atMs = fromMs; atMs <= toMs; atMs += 20)
      this.on({ type: "sample", atMs, cpuTimeMs: base + (atMs - fromMs) * cores, memoryMb });
    return this;
  }

  told(): string[] {
    return this.effects.flatMap((effect) => (effect.type === "tell" ? [effect.what] : []));
  }
}

describe("a hold", () => {
  it("hold.K1: takes up only what is newer, and only what is believed", () => {
    const driven = new Driven(DONOR);
    const ignored: Partial<PublishedAllocation>[] = [
      { epoch: 1 },
      { epoch: 0 },
      { epoch: 2, decision: "another" },
      { epoch: 2, namespace: "other" },
      { epoch: 2, cpuCores: 0.1 },
      { epoch: 2, cpuCores: 0.3 },
    ];
    for (const more of ignored) driven.on({ type: "plan", atMs: 1, allocation: allocated({ cpuCores: 0.5, ...more }) });
    assert.equal(claimOf(driven.hold).wantsCores, 0.25);
    driven.on({ type: "plan", atMs: 1, allocation: allocated({ epoch: 3, cpuCores: 0.5 }) });
    driven.on({ type: "plan", atMs: 2, allocation: allocated({ epoch: 2, cpuCores: 0.75 }) });
    assert.equal(claimOf(driven.hold).wantsCores, 0.5);
  });

  it("hold.K1: a run that was started with U keeps it, whatever is planned later", () => {
    const driven = new Driven(undefined).on({ type: "plan", atMs: 1, allocation: allocated({ epoch: 9 }) });
    assert.deepEqual(claimOf(driven.hold), { floorCores: 1, userCores: 1, wantsCores: 1, urgent: false });
  });

  it("hold.K2: memory.high follows the plan, is lifted near it for good, and is not set below what is in use", () => {
    const driven = new Driven(allocated({ memoryMb: 256 }));
    driven.work(0, 40, 0.1, 200).on({ type: "plan", atMs: 50, allocation: allocated({ epoch: 2, memoryMb: 128 }) });
    driven.on({ type: "plan", atMs: 60, allocation: allocated({ epoch: 3, memoryMb: 384 }) });
    driven.work(80, 80, 0.1, 350).on({ type: "plan", atMs: 90, allocation: allocated({ epoch: 4, memoryMb: 256 }) });
    const highs = driven.effects.flatMap((effect) => (effect.type === "memory-high" ? [effect.memoryMb] : []));
    // 128 is below the 200 in use; at 350 of 384 the run is near it
    assert.deepEqual(highs, [256, undefined, 384, undefined]);
    assert.deepEqual(driven.told().filter((what) => what === "near-memory").length, 1);
  });

  it("hold.K2: memory above U is no business of memory.high", () => {
    const driven = new Driven(allocated({ memoryMb: 1024 })).work(0, 40, 0.1, 1000);
    assert.deepEqual(
      driven.effects.map((effect) => effect.type),
      ["tell"],
    );
  });

  it("hold.K3: a donor at its limit says so within two windows, and once for each plan", () => {
    const driven = new Driven(DONOR).work(0, 220, 0.25);
    assert.deepEqual(driven.told(), ["applied", "throttled"]);
    driven.on({ type: "plan", atMs: 225, allocation: allocated({ epoch: 2, cpuCores: 0.5 }) }).inForce(226);
    assert.equal(driven.hold.phase, "held");
    driven.work(240, 700, 0.5);
    assert.deepEqual(driven.told(), ["applied", "throttled", "applied", "throttled"]);
  });

  it("hold.K3: neither a donor with room to spare, nor a receiver, nor U is ever throttled", () => {
    for (const [allocation, cores] of [
      [DONOR, 0.2],
      [allocated({ cpuCores: 2 }), 2],
      [undefined, 1],
    ] as const)
      assert.ok(!new Driven(allocation).work(0, 2_000, cores).told().includes("throttled"));
  });

  it("hold.K3: a burst that waits for its next period for half of the window counts as being at the limit", () => {
    const driven = new Driven(DONOR);
    for (let atMs = 0; atMs <= 220; atMs += 20)
      driven.on({ type: "sample", atMs, cpuTimeMs: atMs * 0.2, throttledMs: atMs * 0.5, memoryMb: 1 });
    assert.ok(driven.told().includes("throttled"));
  });

  it("hold.K3: a run that uses all of its limit and is never throttled could use no more", () => {
    for (const [throttledShare, isAtLimit] of [
      [0, false],
      [0.04, false],
      [0.06, true],
    ] as const) {
      const driven = new Driven(DONOR);
      for (let atMs = 0; atMs <= 220; atMs += 20)
        driven.on({ type: "sample", atMs, cpuTimeMs: atMs * 0.25, throttledMs: atMs * throttledShare, memoryMb: 1 });
      assert.equal(driven.told().includes("throttled"), isAtLimit, `${throttledShare}`);
    }
  });

  it("hold.K3: a donor that is slow by plan must use up the work that was planned first", () => {
    const driven = new Driven(allocated({ workCoreMs: 250 })).work(0, 980, 0.25);
    assert.deepEqual(driven.told(), ["applied"]);
    assert.deepEqual(driven.work(1_000, 1_300, 0.25).told(), ["applied", "throttled"]);
  });

  it("hold.K4: without a plan that helps it claims U by itself, urgently", () => {
    const driven = new Driven(DONOR).work(0, 220, 0.25);
    driven.on({ type: "plan", atMs: 230, allocation: allocated({ epoch: 2, cpuCores: 0.25 }) }); // an answer, but no help
    assert.equal(driven.hold.phase, "asked");
    driven.work(240, 220 + HOLD_RULES.answerMs, 0.25);
    assert.equal(driven.hold.phase, "given-back");
    assert.deepEqual(claimOf(driven.hold), { floorCores: 0.25, userCores: 1, wantsCores: 1, urgent: true });
  });

  it("hold.K5: claims U at half time, sampled or not", () => {
    const driven = new Driven(DONOR).on({ type: "tick", atMs: 29_999 });
    assert.equal(driven.hold.phase, "held");
    assert.equal(driven.on({ type: "tick", atMs: 30_000 }).hold.phase, "given-back");
  });

  it("hold.K4, hold.K5: says when time alone will change it", () => {
    const driven = new Driven(DONOR);
    assert.equal(nextTickMs(driven.hold), 30_000, "half time");
    driven.work(0, 220, 0.25);
    assert.equal(nextTickMs(driven.hold), 200 + HOLD_RULES.answerMs, "it has asked");
    driven.on({ type: "tick", atMs: nextTickMs(driven.hold) });
    assert.deepEqual([driven.hold.phase, nextTickMs(driven.hold)], ["given-back", 70_000], "expiry");
    assert.equal(nextTickMs(driven.on({ type: "end", atMs: 400 }).hold), Number.POSITIVE_INFINITY);
    for (const allocation of [undefined, allocated({ cpuCores: 2 })])
      assert.equal(nextTickMs(new Driven(allocation).hold), 70_000, "what is no donor waits for nothing else");
  });

  it("hold.K6: no plan takes back what was given back, and one may bring more", () => {
    const driven = new Driven(DONOR).on({ type: "tick", atMs: 30_000 }).inForce(30_001);
    driven.on({ type: "plan", atMs: 30_002, allocation: allocated({ epoch: 2 }) });
    assert.equal(claimOf(driven.hold).wantsCores, 1);
    driven.on({ type: "plan", atMs: 30_003, allocation: allocated({ epoch: 3, cpuCores: 1.5 }) });
    assert.equal(claimOf(driven.hold).wantsCores, 1.5);
  });

  for (const [type, restores] of [
    ["end", true],
    ["restart", true],
    ["died", false],
  ] as const)
    it(`hold.K7: ${type} ends it once and for all`, () => {
      const driven = new Driven(DONOR).on({ type, atMs: 10 });
      assert.equal(driven.effects.filter((effect) => effect.type === "restore").length, restores ? 1 : 0);
      const before = driven.effects.length;
      driven.on({ type: "end", atMs: 11 }).on({ type: "plan", atMs: 12, allocation: allocated({ epoch: 2 }) });
      driven.work(20, 600, 0.25).on({ type: "tick", atMs: 50_000 });
      assert.equal(driven.effects.length, before);
      assert.equal(claimOf(driven.hold).wantsCores, 0);
    });

  it("hold.K7: expires when its end was lost", () => {
    const driven = new Driven(DONOR).on({ type: "tick", atMs: 69_999 });
    assert.equal(driven.hold.phase, "given-back");
    assert.equal(driven.on({ type: "tick", atMs: 70_000 }).hold.phase, "over");
    assert.deepEqual(driven.effects.at(-1), { type: "restore" });
  });

  it("hold.K8: answers every plan that it takes up, also one that changes nothing, or that the node has no room for", () => {
    const driven = new Driven(DONOR);
    driven.on({ type: "plan", atMs: 1, allocation: allocated({ epoch: 2 }) }).on({ type: "settled" });
    driven.on({ type: "plan", atMs: 2, allocation: allocated({ epoch: 3, cpuCores: 2 }) }).on({ type: "settled" });
    driven.on({ type: "in-force", atMs: 3, cpuCores: 1.5 }).on({ type: "settled" }).on({ type: "settled" });
    assert.deepEqual(driven.told(), ["applied", "applied", "applied", "applied"]);
  });

  it("hold.K9: an allocation above U begins as U, and comes in force by a plan", () => {
    const driven = new Driven(allocated({ cpuCores: 2 }));
    assert.deepEqual(claimOf(driven.hold), { floorCores: 1, userCores: 1, wantsCores: 1, urgent: false });
    driven.on({ type: "plan", atMs: 5, allocation: allocated({ epoch: 2, cpuCores: 2 }) });
    assert.equal(claimOf(driven.hold).wantsCores, 2);
  });

  it("sums up what was in force", () => {
    const driven = new Driven(DONOR).on({ type: "in-force", atMs: 100, cpuCores: 1 }).on({ type: "in-force", atMs: 150, cpuCores: 1 });
    const history = driven.hold.history ?? assert.fail();
    assert.deepEqual([history.moves, meanCores(history, 300)], [1, (0.25 * 100 + 1 * 200) / 300]);
    assert.equal(meanCores(history, 0), 1, "a run that took no time");
  });
});
