/** usage.U7 and the bounds of cpu-peak.ts, on a simulated CFS bandwidth controller with jittering samples. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type CfsOptions, SLICE_US, simulateCfs, stateAt, TICK_US } from "./cfs-bandwidth.kit.js";
import { quotaWindowMsOf } from "./cpu-peak.js";
import { UsageAccumulator } from "./usage.js";

const PERIOD_MS = 20;
const RUN_MS = 2_000;
const SLACK_MS = (SLICE_US + TICK_US) / 1_000;

/** How late each sample comes: timers by up to 3 ms, and now and then a blocked event loop. */
const lateness = fc.array(fc.oneof({ weight: 19, arbitrary: fc.double({ min: 0, max: 3, noNaN: true }) }, fc.nat(150)), {
  minLength: 100,
  maxLength: 100,
});
const phase = fc.double({ min: 0, max: 100, noNaN: true });

const group = fc
  .record({ cpus: fc.integer({ min: 1, max: 8 }), share: fc.double({ min: 0.02, max: 0.9, noNaN: true }), tickPhase: fc.nat(7) })
  .map(({ cpus, share, tickPhase }) => ({
    cpus,
    quotaCores: share * cpus,
    tickPhasesUs: Array.from({ length: cpus }, (_, i) => ((i * (tickPhase + 1)) % 8) * 500),
  }));

function usageOf(options: CfsOptions, fromMs: number, runMs: number, lateMs: readonly number[], windowMs = 100) {
  const states = simulateCfs(fromMs + runMs + 200, options);
  const usage = new UsageAccumulator(windowMs);
  const sampleAt = (atMs: number) => {
    const { cpuUs, throttledUs, throttledPeriods } = stateAt(states, atMs);
    usage.add({ atMs, cpuUsageUs: cpuUs, throttledUs, throttledPeriods, workingSetBytes: 0 });
  };
  let atMs = fromMs;
  for (let i = 0; atMs < fromMs + runMs; i++) {
    sampleAt(atMs);
    atMs += PERIOD_MS + (lateMs[i % lateMs.length] ?? 0);
  }
  sampleAt(fromMs + runMs);
  return usage.result();
}

describe("CPU peaks under a quota", () => {
  it("usage.U7: of a group that always wants more, the peak is at most the limit and the controller's slack", () => {
    fc.assert(
      fc.property(group, phase, lateness, fc.constantFrom(100, 250, 500, 700), (options, fromMs, lateMs, windowMs) => {
        const { cpuPeakCores, cpuMeanCores } = usageOf(options, 1_000 + fromMs, RUN_MS, lateMs, windowMs);
        const bound = options.quotaCores + (options.cpus * SLACK_MS) / quotaWindowMsOf(windowMs);
        assert.ok(cpuPeakCores >= cpuMeanCores);
        assert.ok(cpuPeakCores <= bound + 1e-9, `${cpuPeakCores} cores under ${options.quotaCores}, bound ${bound}`);
      }),
      { numRuns: 60 },
    );
  });

  it("where others take the CPUs now and then, a window holds at most one burst more than it has periods", () => {
    const busy = fc.record({ everyMs: fc.integer({ min: 300, max: 700 }), forMs: fc.integer({ min: 10, max: 100 }) });
    fc.assert(
      fc.property(group, busy, phase, lateness, (options, { everyMs, forMs }, fromMs, lateMs) => {
        // The last periods are quiet: what a run's very end leaves open is taken for free.
        const taken = (cpu: number, atUs: number) => atUs < 2_700_000 && (atUs / 1_000 + 7 * cpu) % everyMs < forMs;
        const { cpuPeakCores } = usageOf({ ...options, taken }, 1_000 + fromMs, RUN_MS, lateMs);
        const bound = 1.2 * options.quotaCores + (options.cpus * SLACK_MS) / quotaWindowMsOf(100);
        assert.ok(cpuPeakCores <= bound + 1e-9, `${cpuPeakCores} cores under ${options.quotaCores}, bound ${bound}`);
      }),
      { numRuns: 60 },
    );
  });

  it("on one or two CPUs the peak is within 5 % or 0.05 cores of the limit, and not below the mean", () => {
    const small = group.filter(({ cpus }) => cpus <= 2);
    fc.assert(
      fc.property(small, phase, lateness, (options, fromMs, lateMs) => {
        const { cpuPeakCores } = usageOf(options, 1_000 + fromMs, RUN_MS, lateMs);
        const tolerance = Math.max(0.05, 0.05 * options.quotaCores);
        assert.ok(Math.abs(cpuPeakCores - options.quotaCores) <= tolerance, `${cpuPeakCores} cores under ${options.quotaCores}`);
      }),
      { numRuns: 60 },
    );
  });

  it("a window of at least one period, without regard to throttling, would read far above the limit", () => {
    const options = { quotaCores: 0.5, cpus: 2 };
    const states = simulateCfs(RUN_MS, options);
    const rates = Array.from({ length: 50 }, (_, i) => 1_000 + i * 2).map(
      (endMs) => (stateAt(states, endMs).cpuUs - stateAt(states, endMs - 119).cpuUs) / 119_000,
    );
    assert.ok(Math.max(...rates) > 0.65, `${Math.max(...rates)} cores`);
  });

  it("a burst that the quota lets pass is seen whole by the short window", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), phase, lateness, (cpus, fromMs, lateMs) => {
        const timely = lateMs.map((late) => Math.min(late, 3));
        const burstAtMs = 700;
        const wanted = (atUs: number) => atUs >= burstAtMs * 1_000 && atUs < (burstAtMs + 200) * 1_000;
        const { cpuPeakCores, throttledMs } = usageOf({ cpus, quotaCores: cpus * 1.2, wanted }, fromMs, RUN_MS, timely);
        assert.equal(throttledMs, 0);
        // A sample is at most one step of the simulation, 0.5 ms, away from its counter.
        assert.ok(Math.abs(cpuPeakCores - cpus) <= 0.01 * cpus, `${cpuPeakCores} of ${cpus} cores`);
      }),
      { numRuns: 60 },
    );
  });

  it("a run shorter than a window is its own window, throttled or not", () => {
    fc.assert(
      fc.property(group, phase, fc.integer({ min: 5, max: 99 }), (options, fromMs, runMs) => {
        const { cpuPeakCores, cpuMeanCores } = usageOf(options, 1_000 + fromMs, runMs, [0]);
        assert.equal(cpuPeakCores, cpuMeanCores);
      }),
      { numRuns: 60 },
    );
  });
});
