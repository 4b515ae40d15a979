/** What Redis is told: no run waits for it, it costs bounded memory, and losses are counted. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { type RunEvent, systemClock } from "@openwhisk-harvest/core";
import { RecordingLogger } from "@openwhisk-harvest/testkit";
import { Reporter, type ReportStore } from "./reporter.js";

const EVENT: RunEvent = { type: "start", activationId: "a".repeat(32), atMs: 1 };

function storeWith(append: () => Promise<void>): ReportStore & { written: number } {
  const store = {
    written: 0,
    putObservation: () => Promise.resolve(),
    appendEvent: () => {
      store.written++;
      return append();
    },
  };
  return store;
}

test("errors are counted and said once in a while, never thrown", async () => {
  const logger = new RecordingLogger();
  const reporter = new Reporter(
    storeWith(() => Promise.reject(new Error("down"))),
    { clock: systemClock, logger },
  );
  for (let i = 0; i < 5; i++) reporter.event(EVENT);
  await setImmediate();
  assert.deepEqual([reporter.lost, logger.complaints.length], [5, 1]);
});

test("a Redis that hangs gets a thousand reports and no more", () => {
  const store = storeWith(() => new Promise(() => undefined));
  const reporter = new Reporter(store, { clock: systemClock, logger: new RecordingLogger() });
  for (let i = 0; i < 1_500; i++) reporter.event(EVENT);
  assert.deepEqual([store.written, reporter.lost], [1_000, 500]);
});

test("without a store nothing is told and nothing is lost", () => {
  const reporter = new Reporter(undefined, { clock: systemClock, logger: new RecordingLogger() });
  reporter.event(EVENT);
  assert.equal(reporter.lost, 0);
});
