/**
 * The pure part of the resource monitor (paper, Algorithm 1), with three corrections:
 *  - rates are CPU time over elapsed time, in cores; no system-wide counter is needed;
 *  - a peak is a mean over at least one window: within a CFS period of 100 ms a container with 0.25 core runs at full
 *    speed, and windows of 20 ms showed a "peak" of 1.085; how windows go about quotas is in cpu-peak.ts;
 *  - memory is the working set: only inactive page cache is left out.
 *
 * Invariants of a result:
 * usage.U1  cpuTimeMs, durationMs, throttledMs >= 0, and cpuMeanCores = cpuTimeMs / durationMs (0 for a run without
 *     duration).
 * usage.U2  cpuPeakCores >= cpuMeanCores, and equal for a run shorter than a window: the whole run counts as a window.
 * usage.U3  cpuPeakCores <= the largest rate between two neighbouring samples.
 * usage.U4  cpuPeakCores is the largest of: the mean over any window that ends at a sample, starts at the latest sample
 *     at least `windowMs` before, and met no throttling until a period after it; the CPU time between any two samples
 *     at most five CFS periods apart, divided by these five periods (more, if `windowMs` is more); the mean over the
 *     whole run.
 * usage.U5  memoryPeakMb is the largest working set of all samples.
 * usage.U6  A counter that goes back was made anew (the group was created again): it counts on from there, and nothing
 *     gets negative.
 * usage.U7  Of k CPUs that are throttled to q cores all the time: cpuPeakCores <= q + k x 9 ms / five periods, once the
 *     run is as long as that (cpu-peak.ts has the reasons).
 */
import { HarvestError } from "@openwhisk-harvest/core";
import { BYTES_PER_MB, CFS_PERIOD_US } from "./amounts.js";
import { CpuPeak, type CpuPoint, coresBetween } from "./cpu-peak.js";
import type { Sample } from "./group.js";

/** What one run used; the fields of an Observation. */
export interface Usage {
  readonly durationMs: number;
  readonly cpuTimeMs: number;
  readonly cpuMeanCores: number;
  readonly cpuPeakCores: number;
  /** Absent where the kernel does not count it. */
  readonly throttledMs?: number;
  readonly memoryPeakMb: number;
  readonly samples: number;
}

/** How a run stands at one sample; counters as their growth since the first one. */
export interface UsageSoFar {
  /** Of the clock that stamps samples. */
  readonly atMs: number;
  readonly cpuTimeMs: number;
  /** Absent where the kernel does not count it. */
  readonly throttledMs?: number;
  /** The working set now. */
  readonly memoryMb: number;
}

/** A counter without its steps backwards (usage.U6), from 0. */
class Growth {
  #last: number | undefined;
  total = 0;

  add(value: number): number {
    const since = this.#last === undefined ? value : this.#last;
    this.total += value >= since ? value - since : value;
    this.#last = value;
    return this.total;
  }
}

export class UsageAccumulator {
  readonly #cpu = new Growth();
  readonly #throttled = new Growth();
  readonly #throttledPeriods = new Growth();
  readonly #peak: CpuPeak;
  #first: CpuPoint | undefined;
  #last: CpuPoint | undefined;
  #peakBytes = 0;
  #samples = 0;
  #countsThrottling = false;

  constructor(windowMs: number) {
    if (!(windowMs >= CFS_PERIOD_US / 1_000))
      throw new HarvestError("OWH_BAD_CONFIG", `A window of CPU peaks spans at least one CFS period of 100 ms, not ${windowMs} ms.`);
    this.#peak = new CpuPeak(windowMs);
  }

  /** Samples come in order of time; one from before its predecessor is OWH_BAD_DATASET. */
  add({ atMs, cpuUsageUs, throttledUs, throttledPeriods, workingSetBytes }: Sample): UsageSoFar {
    if (this.#last && !(atMs >= this.#last.atMs))
      throw new HarvestError("OWH_BAD_DATASET", `A sample at ${atMs} ms came after one at ${this.#last.atMs} ms.`);
    if (throttledUs !== undefined) {
      this.#countsThrottling = true;
      this.#throttled.add(throttledUs);
    }
    this.#throttledPeriods.add(throttledPeriods ?? 0);
    const throttled = this.#throttled.total + this.#throttledPeriods.total;
    const point = { atMs, cpuUs: this.#cpu.add(cpuUsageUs), throttled };
    this.#first ??= point;
    this.#last = point;
    this.#peak.add(point);
    this.#peakBytes = Math.max(this.#peakBytes, workingSetBytes);
    this.#samples++;
    return {
      atMs,
      cpuTimeMs: (point.cpuUs - this.#first.cpuUs) / 1_000,
      ...(this.#countsThrottling && { throttledMs: this.#throttled.total / 1_000 }),
      memoryMb: workingSetBytes / BYTES_PER_MB,
    };
  }

  /** Of the samples so far; more may follow. */
  result(): Usage {
    const first = this.#first ?? { atMs: 0, cpuUs: 0, throttled: 0 };
    const last = this.#last ?? first;
    const cpuMeanCores = coresBetween(first, last);
    return {
      durationMs: last.atMs - first.atMs,
      cpuTimeMs: (last.cpuUs - first.cpuUs) / 1_000,
      cpuMeanCores,
      cpuPeakCores: Math.max(this.#peak.cores, cpuMeanCores),
      ...(this.#countsThrottling && { throttledMs: this.#throttled.total / 1_000 }),
      memoryPeakMb: this.#peakBytes / BYTES_PER_MB,
      samples: this.#samples,
    };
  }
}
