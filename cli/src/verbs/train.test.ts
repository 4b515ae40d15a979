import assert from "node:assert/strict";
import { test } from "node:test";
import { describeModel } from "./train.js";

test("a trained model is told with the paper's scores first, and those against the demand on a line that says so", () => {
  const scores = {
    inputBytes: { meanAbsoluteError: 12_345, testSamples: 8 },
    cpuCores: {
      meanAbsoluteError: 0.25,
      accuracy: 0.5,
      withinAllocation: 0.625,
      demand: { meanAbsoluteError: 0.125, accuracy: 0.75, withinAllocation: 1 },
      testSamples: 8,
    },
  };
  assert.deepEqual(describeModel({ namespace: "guest", dag: "job", version: "3", trainer: "cart", scores }).split("\n"), [
    "ok: guest/job model 3, trained by cart",
    "ok: inputBytes: mean absolute error 1.23e+4, 8 test runs",
    "ok: cpuCores: mean absolute error 0.250, accurate 50.0 %, within the allocation 62.5 %, 8 test runs",
    "ok: cpuCores, against the demand instead of the observed peak: mean absolute error 0.125, accurate 75.0 %, within the allocation 100.0 %",
    "",
  ]);
});

test("a model of an older writer has no share within the allocation, and none is made up", () => {
  const scores = { memoryMb: { meanAbsoluteError: 4, accuracy: 0.9, testSamples: 20 } };
  const [, line] = describeModel({ namespace: "guest", dag: "job", version: "1", trainer: "cart", scores }).split("\n");
  assert.equal(line, "ok: memoryMb: mean absolute error 4.00, accurate 90.0 %, 20 test runs");
});
