/** within.ts: what it answers, and that no timer is left. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { processHost } from "./config.js";
import { inTime, LATE, within } from "./within.js";

const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;

test("a promise that comes in time leaves no timer", async () => {
  const before = timers();
  assert.equal(await within(Promise.resolve("value"), 60_000, processHost), "value");
  assert.equal(timers(), before);
});

test("a promise that is refused is refused, and leaves no timer", async () => {
  const before = timers();
  await assert.rejects(within(Promise.reject(new Error("no")), 60_000, processHost), /^Error: no$/);
  assert.equal(timers(), before);
});

test("a promise that does not come is late, or fails where that is a failure", async () => {
  assert.equal(await within(new Promise(() => undefined), 1, processHost), LATE);
  await assert.rejects(inTime(new Promise(() => undefined), 1, processHost), /^Error: no answer in time$/);
});
