/** Rules usage.U1 to usage.U6, on generated runs. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Sample } from "./group.js";
import { UsageAccumulator } from "./usage.js";

const WINDOW_MS = 100;
const NOISE = 1e-9;

/** A step to the next sample: elapsed time and how much of two cores was used in it. */
const step = fc.record({
  throttled: fc.boolean(),
  elapsedMs: fc.double({ min: 0.5, max: 250, noNaN: true }),
  cores: fc.double({ min: 0, max: 2, noNaN: true }),
  workingSetBytes: fc.integer({ min: 0, max: 2 ** 31 }),
});
const steps = fc.array(step, { minLength: 1, maxLength: 60 });
type Steps = { throttled: boolean; elapsedMs: number; cores: number; workingSetBytes: number }[];

function samplesOf(run: Steps): Sample[] {
  const samples: Sample[] = [{ atMs: 1_000, cpuUsageUs: 5e6, throttledUs: 7, workingSetBytes: 1 }];
  for (const { throttled, elapsedMs, cores, workingSetBytes } of run) {
    const last = samples.at(-1) as Sample;
    const throttledUs = (last.throttledUs ?? 0) + (throttled ? elapsedMs : 0);
    samples.push({ atMs: last.atMs + elapsedMs, cpuUsageUs: last.cpuUsageUs + cores * elapsedMs * 1_000, throttledUs, workingSetBytes });
  }
  return samples;
}

function usageOf(samples: readonly Sample[], windowMs = WINDOW_MS) {
  const usage = new UsageAccumulator(windowMs);
  for (const sample of samples) usage.add(sample);
  return usage.result();
}

const rate = (a: Sample, b: Sample) => (b.cpuUsageUs - a.cpuUsageUs) / 1_000 / (b.atMs - a.atMs);

/** usage.U4, by looking at all pairs. */
function peakByDefinition(samples: readonly Sample[]): number {
  const rates = samples.flatMap((end) => {
    const start = samples.findLast((s) => end.atMs - s.atMs >= WINDOW_MS);
    const judge = samples.find((s) => s.atMs - end.atMs >= 100) ?? samples.at(-1);
    return start && start.throttledUs === judge?.throttledUs ? [rate(start, end)] : [];
  });
  const overFivePeriods = samples.map((end) => {
    const start = samples.find((s) => end.atMs - s.atMs <= 500) as Sample;
    return (end.cpuUsageUs - start.cpuUsageUs) / 1_000 / 500;
  });
  return Math.max(...rates, ...overFivePeriods, rate(samples[0] as Sample, samples.at(-1) as Sample));
}

describe("UsageAccumulator", () => {
  it("usage.U1: sums and the mean are those of the whole run", () => {
    fc.assert(
      fc.property(steps, (run) => {
        const usage = usageOf(samplesOf(run));
        const durationMs = run.reduce((sum, s) => sum + s.elapsedMs, 0);
        const cpuTimeMs = run.reduce((sum, s) => sum + s.elapsedMs * s.cores, 0);
        const throttledMs = run.reduce((sum, s) => sum + (s.throttled ? s.elapsedMs : 0), 0) / 1_000;
        assert.ok(Math.abs(usage.durationMs - durationMs) < 1e-6);
        assert.ok(Math.abs(usage.cpuTimeMs - cpuTimeMs) < 1e-6);
        assert.ok(Math.abs(usage.cpuMeanCores - cpuTimeMs / durationMs) < 1e-6);
        assert.ok(Math.abs((usage.throttledMs ?? 0) - throttledMs) < 1e-6);
        assert.equal(usage.samples, run.length + 1);
      }),
    );
  });

  it("usage.U2: the peak is at least the mean, and is the mean in a run shorter than a window", () => {
    fc.assert(
      fc.property(steps, (run) => {
        const { cpuPeakCores, cpuMeanCores, durationMs } = usageOf(samplesOf(run));
        assert.ok(cpuPeakCores >= cpuMeanCores);
        if (durationMs < WINDOW_MS) assert.equal(cpuPeakCores, cpuMeanCores);
      }),
    );
  });

  it("usage.U3: the peak is at most the largest rate between neighbours", () => {
    fc.assert(
      fc.property(steps, (run) => {
        const samples = samplesOf(run);
        const rates = samples.slice(1).map((s, i) => rate(samples[i] as Sample, s));
        assert.ok(usageOf(samples).cpuPeakCores <= Math.max(...rates) + NOISE);
      }),
    );
  });

  it("usage.U4: the peak is the one that the definition gives", () => {
    fc.assert(
      fc.property(steps, (run) => {
        const samples = samplesOf(run);
        assert.ok(Math.abs(usageOf(samples).cpuPeakCores - peakByDefinition(samples)) < NOISE);
      }),
    );
  });

  it("usage.U5: the memory peak is the largest sample, in MB", () => {
    fc.assert(
      fc.property(steps, (run) => {
        const largest = Math.max(1, ...run.map((s) => s.workingSetBytes));
        assert.equal(usageOf(samplesOf(run)).memoryPeakMb, largest / 2 ** 20);
      }),
    );
  });

  it("usage.U6: a group made anew under way counts on, and nothing gets negative", () => {
    fc.assert(
      fc.property(steps, fc.nat(60), (run, at) => {
        const samples = samplesOf(run);
        const cut = 1 + (at % run.length);
        const before = samples[cut - 1]?.cpuUsageUs ?? 0;
        const anew = samples.map((s, i) => (i < cut ? s : { ...s, cpuUsageUs: s.cpuUsageUs - before }));
        const [usage, whole] = [usageOf(anew), usageOf(samples)];
        assert.ok(usage.cpuTimeMs >= 0 && usage.cpuPeakCores >= 0);
        assert.ok(Math.abs(usage.cpuTimeMs - whole.cpuTimeMs) < 1e-6);
      }),
    );
  });

  it("does not take the bursts within CFS periods for a peak", () => {
    // 0.25 core under CFS: 25 ms at full speed, 75 ms throttled, sampled every 20 ms for a second.
    const burntMs = (atMs: number) => Math.floor(atMs / 100) * 25 + Math.min(atMs % 100, 25);
    const samples = Array.from({ length: 51 }, (_, i) => ({ atMs: i * 20, cpuUsageUs: burntMs(i * 20) * 1_000, workingSetBytes: 0 }));
    const { cpuMeanCores, cpuPeakCores } = usageOf(samples);
    assert.equal(cpuMeanCores, 0.25);
    assert.equal(cpuPeakCores, 0.25);
  });

  it("says nothing of throttling where it is not counted, and nothing was used without samples", () => {
    assert.deepEqual(usageOf([]), { durationMs: 0, cpuTimeMs: 0, cpuMeanCores: 0, cpuPeakCores: 0, memoryPeakMb: 0, samples: 0 });
  });

  it("refuses windows below a CFS period and samples out of order", () => {
    assert.throws(() => new UsageAccumulator(99), { code: "OWH_BAD_CONFIG" });
    assert.throws(() => new UsageAccumulator(Number.NaN), { code: "OWH_BAD_CONFIG" });
    const late = { atMs: 5, cpuUsageUs: 0, workingSetBytes: 0 };
    assert.throws(() => usageOf([late, { ...late, atMs: 4 }]), { code: "OWH_BAD_DATASET" });
  });
});
