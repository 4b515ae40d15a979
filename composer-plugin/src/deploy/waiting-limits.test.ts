/** The rules of waiting-limits.ts. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { waitingLimits } from "./waiting-limits.js";

/** As OpenWhisk answers for a namespace without limits of its own, with whisk.concurrency-limit's max at 500. */
const LIMITS = {
  concurrentInvocations: 30,
  maxActionConcurrency: 500,
  minActionConcurrency: 1,
  maxActionLogs: 10,
  minActionLogs: 0,
  maxActionMemory: 512,
  minActionMemory: 128,
  maxActionTimeout: 300_000,
  minActionTimeout: 100,
};

describe("the limits of the waiting action", () => {
  it("waiting-limits.L1: need runs that share a container", () => {
    const reason = "whisk.concurrency-limit lets 1 run have a container at a time";
    assert.equal(waitingLimits({ ...LIMITS, maxActionConcurrency: 1 }), reason);
    assert.deepEqual(waitingLimits({ ...LIMITS, maxActionConcurrency: 2 }), { concurrency: 2, timeout: 300_000, memory: 128, logs: 0 });
  });

  it("waiting-limits.L2: need an action without logs", () => {
    assert.equal(waitingLimits({ ...LIMITS, minActionLogs: 1 }), "whisk.log-limit lets no action go without logs");
  });

  it("waiting-limits.L3: are what the namespace may have, within bounds", () => {
    assert.deepEqual(waitingLimits(LIMITS), { concurrency: 200, timeout: 300_000, memory: 128, logs: 0 });
    const own = { ...LIMITS, maxActionConcurrency: 50, maxActionTimeout: 3_600_000, minActionMemory: 256 };
    assert.deepEqual(waitingLimits(own), { concurrency: 50, timeout: 300_000, memory: 256, logs: 0 });
    assert.deepEqual(waitingLimits({ ...LIMITS, maxActionTimeout: 60_000 }), { concurrency: 200, timeout: 60_000, memory: 128, logs: 0 });
  });

  it("waiting-limits.L4: are OpenWhisk's defaults where nothing is said", () => {
    for (const answer of [undefined, {}, "nonsense", { maxActionConcurrency: "500" }]) assert.equal(typeof waitingLimits(answer), "string");
    assert.deepEqual(waitingLimits({ maxActionConcurrency: 8 }), { concurrency: 8, timeout: 300_000, memory: 128, logs: 0 });
  });
});
