import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HandClock } from "@openwhisk-harvest/testkit";
import fc from "fast-check";
import { DecisionBudget } from "./decision-budget.js";

const times = (n: number, take: () => boolean) => Array.from({ length: n }, take).filter(Boolean).length;

describe("the budget of decisions", () => {
  it("is so many per second for each namespace, and one second's worth at once", async () => {
    const clock = new HandClock();
    const budget = new DecisionBudget({ perSecond: 10, clock });
    assert.equal(
      times(25, () => budget.take("a", 3)),
      10,
    );
    assert.equal(
      times(25, () => budget.take("b", 3)),
      10,
      "whatever another one has asked for",
    );
    await clock.advance(500);
    assert.equal(
      times(25, () => budget.take("a", 3)),
      5,
    );
    await clock.advance(60_000);
    assert.equal(
      times(25, () => budget.take("a", 3)),
      10,
      "what was not asked for is gone",
    );
  });

  it("is spent sooner by decisions about many functions, and has room for the largest", async () => {
    const clock = new HandClock();
    const budget = new DecisionBudget({ perSecond: 10, clock });
    assert.equal(
      times(25, () => budget.take("a", 101)),
      3,
    );
    await clock.advance(1_000);
    assert.equal(
      times(5, () => budget.take("a", 1_000)),
      1,
    );
  });

  it("is never exceeded in any second and a moment, whatever is asked for when", () => {
    const asks = fc.array(fc.record({ afterMs: fc.nat({ max: 400 }), functions: fc.nat({ max: 300 }) }), { maxLength: 200 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), asks, (perSecond, all) => {
        const clock = { nowMs: 0, monotonicMs: () => clock.nowMs };
        const budget = new DecisionBudget({ perSecond, clock });
        let taken = 0;
        for (const { afterMs, functions } of all) {
          clock.nowMs += afterMs;
          if (budget.take("a", functions)) taken += Math.min(perSecond, Math.max(1, Math.ceil(functions / 50)));
          assert.ok(taken <= perSecond + (perSecond * clock.nowMs) / 1_000 + 1e-6);
        }
      }),
    );
  });
});
