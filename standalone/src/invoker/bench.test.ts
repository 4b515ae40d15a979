/** That the bench measures what it says; how fast it is, is no test. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { RecordingLogger } from "@openwhisk-harvest/testkit";
import { benchActivations, figuresOf } from "./bench.js";

test("figures are nearest ranks", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  assert.deepEqual(figuresOf(hundred), { samples: 100, p50Ms: 50, p99Ms: 99 });
  assert.deepEqual(figuresOf([7]), { samples: 1, p50Ms: 7, p99Ms: 7 });
});

test("cold starts and warm runs are told apart, and a kind that cannot run is an error", async () => {
  const logger = new RecordingLogger();
  const { coldStart, warmNoOp } = await benchActivations({ coldStarts: 5, warmRuns: 10, logger });
  assert.deepEqual([coldStart.samples, warmNoOp.samples], [5, 10]);
  assert.ok(warmNoOp.p50Ms > 0 && coldStart.p50Ms > warmNoOp.p50Ms, "a process is started for each of the former");
  assert.deepEqual(logger.complaints, []);
  await assert.rejects(benchActivations({ kind: "ruby:2.5", coldStarts: 1, logger }), /A no-op of ruby:2\.5 failed/);
});
