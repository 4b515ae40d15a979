import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HandClock, JumpingClock, settled } from "./hand-clock.js";

describe("the hand-driven clock", () => {
  it("stands still until it is moved, and tells wall and monotonic time apart (clock.1)", async () => {
    const clock = new HandClock(5_000);
    await settled();
    assert.deepEqual([clock.nowMs(), clock.monotonicMs()], [5_000, 0]);
    await clock.advance(20);
    assert.deepEqual([clock.nowMs(), clock.monotonicMs()], [5_020, 20]);
  });

  it("wakes sleepers in the order of their times, each at its own, also those that begin meanwhile (clock.2)", async () => {
    const clock = new HandClock();
    const woken: [string, number][] = [];
    const sleeper = async (name: string, ms: number, then?: () => Promise<void>) => {
      await clock.sleep(ms);
      woken.push([name, clock.monotonicMs()]);
      await then?.();
    };
    void sleeper("late", 30);
    void sleeper("early", 10, () => sleeper("after early", 5));
    void sleeper("later still", 41);
    await clock.advance(40);
    assert.deepEqual(woken, [
      ["early", 10],
      ["after early", 15],
      ["late", 30],
    ]);
    assert.equal(clock.sleeping, 1);
  });

  it("wakes within the turn when it is moved, and runs what it wakes afterwards", async () => {
    const clock = new HandClock();
    let woken = false;
    void clock.sleep(10).then(() => {
      woken = true;
    });
    clock.move(9);
    assert.equal(clock.sleeping, 1);
    clock.move(1);
    assert.deepEqual([clock.sleeping, woken], [0, false]);
    await settled();
    assert.equal(woken, true);
  });

  it("calls a sleep off with the signal's reason, before it begins and while it lasts, and not after it", async () => {
    const clock = new HandClock();
    const reason = new Error("called off");
    await assert.rejects(clock.sleep(10, AbortSignal.abort(reason)), reason);
    const [during, after] = [new AbortController(), new AbortController()];
    const asleep = clock.sleep(10, during.signal);
    during.abort(reason);
    await assert.rejects(asleep, reason);
    const over = clock.sleep(10, after.signal);
    await clock.advance(10);
    after.abort(reason);
    await over;
    assert.equal(clock.sleeping, 0);
  });
});

describe("the jumping clock", () => {
  it("passes each sleep at once and remembers it", async () => {
    const clock = new JumpingClock(0);
    await clock.sleep(60_000);
    await clock.sleep(1);
    assert.deepEqual([clock.nowMs(), clock.sleptMs], [60_001, [60_000, 1]]);
  });
});
