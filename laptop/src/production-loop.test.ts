import assert from "node:assert/strict";
import { test } from "node:test";
import type { LookedAt } from "@openwhisk-harvest/profiler";
import type { ProductionReport } from "@openwhisk-harvest/sidecar";
import pino from "pino";
import { watchProduction } from "./production-loop.js";

const LOOKED = {
  dag: { namespace: "guest", name: "job" },
  collected: { runs: 1, profiles: 5, undecided: 0, leftOut: 0 },
  drift: { verdict: "drifted", deviations: 5, outsideShare: 0.5, outsideRange: 0, quantities: [] },
} as unknown as LookedAt;

test("looks every period, reports what has drifted, survives a failed look, and ends with the signal", async () => {
  const reports: ProductionReport[] = [];
  const stop = new AbortController();
  let looks = 0;
  const look = async (): Promise<LookedAt[]> => {
    looks++;
    if (looks === 1) throw new Error("OpenWhisk is away");
    if (looks === 3) stop.abort();
    return looks === 2 ? [LOOKED, { ...LOOKED, drift: undefined } as unknown as LookedAt] : [];
  };
  const slept: number[] = [];
  const clock = {
    nowMs: () => 0,
    monotonicMs: () => 0,
    sleep: async (ms: number, signal?: AbortSignal) => {
      slept.push(ms);
      signal?.throwIfAborted();
    },
  };
  const sidecar = { reportProduction: (report: ProductionReport) => void reports.push(report) };
  await watchProduction({ watch: { look }, sidecar, periodMs: 1_000, clock, logger: pino({ level: "silent" }) }, stop.signal);
  assert.equal(looks, 3);
  assert.deepEqual(slept, [1_000, 1_000, 1_000, 1_000]);
  assert.deepEqual(reports, [
    { namespace: "guest", dag: "job", verdict: "drifted", deviations: 5, outsideShare: 0.5, meanAbsoluteErrors: {} },
  ]);
});
