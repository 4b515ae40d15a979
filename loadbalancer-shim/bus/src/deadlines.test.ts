import assert from "node:assert/strict";
import { test } from "node:test";
import { endUntilMs, waitUntilMs } from "./deadlines.js";

const QUEUE_MS = 50_000;
const until = (over: Partial<Parameters<typeof waitUntilMs>[0]>, timeoutMs = 60_000) =>
  waitUntilMs({ publishedMs: 1_000, blocking: true, isStep: false, ...over }, { timeoutMs }, QUEUE_MS) - 1_000;

test("deadlines.D1: a new run waits for as long as is configured, twice that when no client waits for it", () => {
  assert.equal(until({}), QUEUE_MS);
  assert.equal(until({ blocking: false }), 2 * QUEUE_MS);
  assert.equal(until({}, 300_000), QUEUE_MS, "whatever its time limit is");
});

test("deadlines.D2: a step waits as long as its controller, whose own failure comes after ours, and a branch as long as its stage", () => {
  assert.equal(until({ isStep: true }), 110_000);
  assert.equal(until({ isStep: true }, 300_000), 350_000);
  assert.equal(until({ isStep: true, stageEndMs: 31_000 }), 30_000);
  assert.equal(until({ isStep: true, stageEndMs: 900_000 }), 110_000);
});

test("deadlines.D3: an end is missed before the controller misses it", () => {
  assert.equal(endUntilMs(0, { timeoutMs: 100 }), 170_000);
  assert.equal(endUntilMs(0, { timeoutMs: 100_000 }), 250_000);
});
