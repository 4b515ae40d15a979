import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { atIndex, type GridAxis, lastIndex, roundAmount } from "@openwhisk-harvest/core";
import fc from "fast-check";
import type { Sharer, SplitRequest } from "./policy.js";
import { fastestSplit, splitForMakespan } from "./policy-makespan.js";

const QUARTERS: GridAxis = { min: 0.25, max: 2, step: 0.25 };
const WHOLE: GridAxis = { min: 1, max: 8, step: 1 };

const sharer = (user: number, demand: number, perTree: readonly number[]): Sharer => ({
  user,
  demand,
  workCoreMs: perTree.reduce((sum, work) => sum + work, 0) / perTree.length,
  workPerTree: Float64Array.from(perTree),
});

const requestOf = (axis: GridAxis, sharers: readonly Sharer[]): SplitRequest => ({
  axis,
  sharers,
  budget: roundAmount(sharers.reduce((sum, { user }) => sum + user, 0)),
});

const timesOf = (sharers: readonly Sharer[], amounts: readonly number[]) =>
  sharers.map(({ workCoreMs, demand }, i) => workCoreMs / Math.min(amounts[i] as number, demand)).sort((a, b) => b - a);

/**
 * Every split of the budget on the grid with no function above D; the lexicographically smallest times, slowest first.
 */
function bestTimesOfAll({ axis, budget, sharers }: SplitRequest): number[] | undefined {
  let best: number[] | undefined;
  const visit = (amounts: number[]) => {
    const next = sharers[amounts.length];
    if (!next) {
      if (roundAmount(amounts.reduce((sum, amount) => sum + amount, 0)) > budget) return;
      const times = timesOf(sharers, amounts);
      if (!best || compare(times, best) < 0) best = times;
      return;
    }
    for (let k = 0; k <= lastIndex(axis) && atIndex(axis, k) <= next.demand; k++) visit([...amounts, atIndex(axis, k)]);
  };
  visit([]);
  return best;
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [i, value] of a.entries()) if (Math.abs(value - (b[i] as number)) > 1e-9) return value - (b[i] as number);
  return 0;
}

const requests = fc.constantFrom(QUARTERS, WHOLE, { min: 0.3, max: 1.1, step: 0.1 }).chain((axis) =>
  fc
    .array(
      fc.record({
        user: fc.oneof(
          fc.integer({ min: 1, max: 6 }).map((n) => n * axis.step),
          fc.double({ min: 0.1, max: 3, noNaN: true }),
        ),
        demandIndex: fc.nat({ max: lastIndex(axis) }),
        work: fc.integer({ min: 0, max: 2_000 }),
      }),
      { minLength: 2, maxLength: 4 },
    )
    .map((all) =>
      requestOf(
        axis,
        all.map(({ user, demandIndex, work }) => sharer(user, atIndex(axis, demandIndex), [work])),
      ),
    ),
);

describe("policy makespan", () => {
  it("finds the lexicographically shortest stage of all splits, or none when there is none", () => {
    fc.assert(
      fc.property(requests, (request) => {
        const amounts = fastestSplit(request);
        const best = bestTimesOfAll(request);
        assert.equal(amounts === undefined, best === undefined);
        if (amounts && best) assert.equal(compare(timesOf(request.sharers, amounts), best), 0, `${amounts}: ${best}`);
      }),
      { numRuns: 1_500 },
    );
  });

  it("gives nothing that helps no function: every step beyond the minimum makes its function faster", () => {
    fc.assert(
      fc.property(requests, (request) => {
        for (const [i, amount] of (fastestSplit(request) ?? []).entries()) {
          const { demand, workCoreMs } = request.sharers[i] as Sharer;
          assert.ok(amount <= demand, "none above D");
          assert.ok(amount === request.axis.min || workCoreMs > 0, "nothing to those without work");
        }
      }),
    );
  });

  it("splits three cipher jobs of work 1:10:30 on 0.75 cores as no other split can", () => {
    const request = requestOf(
      QUARTERS,
      [100, 1000, 3000].map((work) => sharer(0.25, 1, [work])),
    );
    assert.deepEqual(fastestSplit(request), [0.25, 0.25, 0.25]);
    const wider = requestOf(
      QUARTERS,
      [100, 1000, 3000].map((work) => sharer(0.5, 1, [work])),
    );
    assert.deepEqual(splitForMakespan(wider), { accepted: true, reason: "shorter-stage", amounts: [0.25, 0.5, 0.75] });
  });

  it("never rounds U: budgets off the grid are spent in whole steps below them", () => {
    const request = requestOf(WHOLE, [sharer(1.3, 4, [900]), sharer(1.9, 4, [100])]);
    assert.deepEqual(fastestSplit(request), [2, 1]);
  });

  it("refuses what does not hold the minimum for all", () => {
    const request = requestOf(WHOLE, [sharer(0.5, 4, [900]), sharer(1, 4, [100])]);
    assert.deepEqual(splitForMakespan(request), { accepted: false, reason: "budget-below-minimum" });
  });

  it("says no-change when the split is U", () => {
    const request = requestOf(WHOLE, [sharer(3, 4, [900]), sharer(1, 4, [100])]);
    assert.deepEqual(splitForMakespan(request), { accepted: false, reason: "no-change" });
  });

  it("accepts only if nine trees of ten see a gain", () => {
    const works = (agreeing: number) => Array.from({ length: 20 }, (_, tree) => (tree < agreeing ? [900, 100] : [100, 900]));
    const requestWith = (agreeing: number) => {
      const perTree = works(agreeing);
      return requestOf(
        WHOLE,
        [0, 1].map((i) =>
          sharer(
            2,
            4,
            perTree.map((tree) => tree[i] as number),
          ),
        ),
      );
    };
    assert.deepEqual(splitForMakespan(requestWith(20)), { accepted: true, reason: "shorter-stage", amounts: [3, 1] });
    assert.equal(splitForMakespan(requestWith(19)).reason, "shorter-stage");
    assert.equal(splitForMakespan(requestWith(17)).reason, "gain-within-uncertainty");
  });

  it("does not move CPU when no function gets faster by it", () => {
    const request = requestOf(WHOLE, [sharer(2, 1, [900]), sharer(2, 1, [100])]);
    assert.deepEqual(splitForMakespan(request), { accepted: false, reason: "gain-within-uncertainty" });
  });
});
