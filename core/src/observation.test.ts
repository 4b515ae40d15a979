import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatObservationLine, inputBytesOf, type Observation, observationInLogs } from "./observation.js";

const ID = "0123456789abcdef0123456789abcdef";
const OBSERVATION: Observation = {
  v: 1,
  activationId: ID,
  mode: "harvest",
  enforcement: "cgroup-v1",
  allocated: { cpuCores: 0.75, memoryMb: 256 },
  user: { cpuCores: 0.5, memoryMb: 256 },
  cold: false,
  durationMs: 120,
  cpuTimeMs: 60,
  cpuMeanCores: 0.5,
  cpuPeakCores: 0.6,
  memoryPeakMb: 40,
  samples: 6,
  outcome: "success",
};
const line = (text: string) => `2026-08-05T17:13:20.200000000Z stdout: ${text}`;

describe("observation line", () => {
  it("is found as the last of a function's own lines", () => {
    assert.deepEqual(observationInLogs([line("hello"), line(formatObservationLine(OBSERVATION))], ID), OBSERVATION);
  });

  it("is not believed when it speaks of another activation, is torn, or is no observation", () => {
    const whole = formatObservationLine(OBSERVATION);
    assert.equal(observationInLogs([line(formatObservationLine({ ...OBSERVATION, activationId: "f".repeat(32) }))], ID), undefined);
    assert.equal(observationInLogs([line(whole.slice(0, 60))], ID), undefined);
    assert.equal(observationInLogs([line('XHARVEST {"v":1}')], ID), undefined);
    assert.equal(observationInLogs([], ID), undefined);
  });

  it("survives a user who writes our mark after it", () => {
    assert.deepEqual(observationInLogs([line(formatObservationLine(OBSERVATION)), line("XHARVEST {oops")], ID), OBSERVATION);
  });
});

describe("input size", () => {
  it("is the length of the JSON in bytes, without our own keys", () => {
    assert.equal(inputBytesOf({ text: "é" }), Buffer.byteLength('{"text":"é"}'));
    assert.equal(inputBytesOf({ a: 1, $composer: { session: "x" }, $harvest: { k: "y" } }), '{"a":1}'.length);
    assert.equal(inputBytesOf([1, 2]), 5);
    assert.equal(inputBytesOf(undefined), 2);
  });

  it("is what $bytes says, when that is a size", () => {
    assert.equal(inputBytesOf({ $bytes: 1e9, url: "s3://x" }), 1e9);
    assert.equal(inputBytesOf({ $bytes: -1 }), '{"$bytes":-1}'.length);
    assert.equal(inputBytesOf({ $bytes: "9" }), '{"$bytes":"9"}'.length);
  });
});
