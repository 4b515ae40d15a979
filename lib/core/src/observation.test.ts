import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatObservationLine, type Observation, observationInLogs } from "./observation.js";

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

  it("survives user code that writes our mark after it", () => {
    assert.deepEqual(observationInLogs([line(formatObservationLine(OBSERVATION)), line("XHARVEST {oops")], ID), OBSERVATION);
  });
});
