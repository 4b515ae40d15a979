import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Clock, HarvestError } from "@openwhisk-harvest/core";
import { HandClock } from "@openwhisk-harvest/testkit";
import type { Sample } from "./group.js";
import { startMonitor } from "./monitor.js";
import type { UsageSoFar } from "./usage.js";

/** A group that burns half a core and grows by 1 MB per ms. */
function growingGroup(clock: Clock, goneFromMs = Number.POSITIVE_INFINITY, goneToMs = Number.POSITIVE_INFINITY) {
  return {
    reads: 0,
    read(): Sample {
      this.reads++;
      const atMs = clock.monotonicMs();
      if (atMs >= goneFromMs && atMs < goneToMs) throw new HarvestError("OWH_NO_CGROUP", "gone");
      return { atMs, cpuUsageUs: atMs * 500, workingSetBytes: atMs * 2 ** 20 };
    },
  };
}

describe("startMonitor", () => {
  it("samples at the start, every period, and at the stop", async () => {
    const clock = new HandClock();
    const monitor = startMonitor(growingGroup(clock), { periodMs: 20, windowMs: 100, clock });
    for (let i = 0; i < 10; i++) await clock.advance(20);
    await clock.advance(7);
    const usage = monitor.stop();
    assert.deepEqual(usage, { durationMs: 207, cpuTimeMs: 103.5, cpuMeanCores: 0.5, cpuPeakCores: 0.5, memoryPeakMb: 207, samples: 12 });
  });

  it("tells of every sample what the run has used since its start", async () => {
    const clock = new HandClock();
    await clock.advance(1_000);
    const told: UsageSoFar[] = [];
    const monitor = startMonitor(growingGroup(clock), { periodMs: 20, windowMs: 100, clock, onSample: (soFar) => told.push(soFar) });
    await clock.advance(20);
    await clock.advance(20);
    monitor.stop();
    monitor.stop();
    assert.deepEqual(
      told.map(({ atMs, cpuTimeMs, throttledMs, memoryMb }) => [atMs, cpuTimeMs, throttledMs, memoryMb]), // throttling is not counted here
      [
        [1000, 0, undefined, 1000],
        [1020, 10, undefined, 1020],
        [1040, 20, undefined, 1040],
        [1040, 20, undefined, 1040],
      ],
    );
  });

  it("a run shorter than a period rests on its two ends", () => {
    const clock = new HandClock();
    const usage = startMonitor(growingGroup(clock), { periodMs: 20, windowMs: 100, clock }).stop();
    assert.deepEqual([usage?.samples, usage?.durationMs, usage?.cpuPeakCores], [2, 0, 0]);
  });

  it("stops for good, and repeats its answer", async () => {
    const clock = new HandClock();
    const monitor = startMonitor(growingGroup(clock), { periodMs: 20, windowMs: 100, clock });
    await clock.advance(20);
    const usage = monitor.stop();
    await clock.advance(500);
    assert.deepEqual(monitor.stop(), usage);
  });

  it("a group that goes under way leaves what was seen of it, and says once why no more came", async () => {
    const clock = new HandClock();
    const failures: string[] = [];
    const onFailure = ({ code }: HarvestError) => failures.push(code);
    const monitor = startMonitor(growingGroup(clock, 50), { periodMs: 20, windowMs: 100, clock, onFailure });
    for (let i = 0; i < 100; i++) await clock.advance(20);
    assert.equal(monitor.stop()?.durationMs, 40);
    assert.deepEqual(failures, ["OWH_NO_CGROUP"]);
  });

  it("tries a group again that could not be read, less and less often, and goes on when it can be", async () => {
    const clock = new HandClock();
    const group = growingGroup(clock, 50, 2_050);
    const monitor = startMonitor(group, { periodMs: 20, windowMs: 100, clock });
    await clock.advance(20);
    await clock.advance(20);
    const readsBefore = group.reads;
    while (clock.monotonicMs() < 2_040) await clock.advance(20);
    assert.equal(group.reads - readsBefore, 5, "after 0, 100, 300, 700 and 1,500 ms of the outage");
    while (clock.monotonicMs() < 4_000) await clock.advance(20);
    const usage = monitor.stop();
    assert.deepEqual([usage?.durationMs, usage?.cpuTimeMs], [4_000, 2_000], "nothing of the time between is lost");
  });

  it("says nothing of a run whose start it has not seen, and samples it all the same", async () => {
    const clock = new HandClock();
    const told: number[] = [];
    const onSample = ({ atMs }: UsageSoFar) => told.push(atMs);
    const monitor = startMonitor(growingGroup(clock, 0, 50), { periodMs: 20, windowMs: 100, clock, onSample });
    for (let i = 0; i < 6; i++) await clock.advance(20);
    assert.equal(monitor.stop(), undefined);
    assert.deepEqual(told, [100, 120, 120]);
  });

  it("throws at once when an option is wrong", () => {
    const clock = new HandClock();
    assert.throws(() => startMonitor(growingGroup(clock), { periodMs: 0, windowMs: 100, clock }), { code: "OWH_BAD_CONFIG" });
    assert.throws(() => startMonitor(growingGroup(clock), { periodMs: 20, windowMs: 50, clock }), { code: "OWH_BAD_CONFIG" });
  });
});
