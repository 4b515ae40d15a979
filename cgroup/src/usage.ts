/**
 * The pure part of the resource monitor (paper, Algorithm 1), with three corrections:
 *  - rates are CPU time over elapsed time, in cores; no system-wide counter is needed;
 *  - a peak is a mean over at least one window: within a CFS period of 100 ms a container with 0.25 core runs at full speed, and
 *    windows of 20 ms showed a "peak" of 1.085;
 *  - memory is the working set: only inactive page cache is left out.
 *
 * Invariants of a result:
 *  U1. cpuTimeMs, durationMs, throttledMs >= 0, and cpuMeanCores = cpuTimeMs / durationMs (0 for a run without duration).
 *  U2. cpuPeakCores >= cpuMeanCores, and equal for a run shorter than a window: the whole run counts as a window.
 *  U3. cpuPeakCores <= the largest rate between two neighbouring samples.
 *  U4. cpuPeakCores is the largest mean over any window that ends at a sample, starts at the latest sample at least `windowMs`
 *      before, or over the whole run.
 *  U5. memoryPeakMb is the largest working set of all samples.
 *  U6. A counter that goes back was made anew (the group was created again): it counts on from there, and nothing gets negative.
 */
import { HarvestError } from "@openwhisk-harvest/core";
import { BYTES_PER_MB, CFS_PERIOD_US } from "./amounts.js";
import type { Sample } from "./group.js";

/** What one run used; the fields of an Observation. */
export interface Usage {
  readonly durationMs: number;
  readonly cpuTimeMs: number;
  readonly cpuMeanCores: number;
  readonly cpuPeakCores: number;
  /** Absent where nobody counts it. */
  readonly throttledMs?: number;
  readonly memoryPeakMb: number;
  readonly samples: number;
}

/** A counter freed of U6's steps backwards, from 0. */
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

interface Point {
  readonly atMs: number;
  readonly cpuUs: number;
}

/** us of CPU time per us of elapsed time. */
function coresBetween(from: Point, to: Point): number {
  const elapsedMs = to.atMs - from.atMs;
  return elapsedMs > 0 ? (to.cpuUs - from.cpuUs) / 1_000 / elapsedMs : 0;
}

export class UsageAccumulator {
  readonly #windowMs: number;
  readonly #cpu = new Growth();
  readonly #throttled = new Growth();
  /** From the start of the current window on; older points can start no window any more. */
  #recent: Point[] = [];
  #first: Point | undefined;
  #peakCores = 0;
  #peakBytes = 0;
  #samples = 0;
  #countsThrottling = false;

  constructor(windowMs: number) {
    if (!(windowMs >= CFS_PERIOD_US / 1_000))
      throw new HarvestError("OWH_BAD_CONFIG", `A window of CPU peaks spans at least one CFS period of 100 ms, not ${windowMs} ms.`);
    this.#windowMs = windowMs;
  }

  /** Samples come in order of time; one from before its predecessor is OWH_BAD_DATASET. */
  add(sample: Sample): void {
    const last = this.#recent.at(-1);
    if (last && !(sample.atMs >= last.atMs))
      throw new HarvestError("OWH_BAD_DATASET", `A sample at ${sample.atMs} ms came after one at ${last.atMs} ms.`);
    const point = { atMs: sample.atMs, cpuUs: this.#cpu.add(sample.cpuUsageUs) };
    this.#first ??= point;
    this.#recent.push(point);
    while (this.#reachesWindow(this.#recent[1], point)) this.#recent.shift();
    const start = this.#recent[0];
    if (start && this.#reachesWindow(start, point)) this.#peakCores = Math.max(this.#peakCores, coresBetween(start, point));
    if (sample.throttledUs !== undefined) {
      this.#countsThrottling = true;
      this.#throttled.add(sample.throttledUs);
    }
    this.#peakBytes = Math.max(this.#peakBytes, sample.workingSetBytes);
    this.#samples++;
  }

  /** Of the samples so far; more may follow. */
  result(): Usage {
    const first = this.#first ?? { atMs: 0, cpuUs: 0 };
    const last = this.#recent.at(-1) ?? first;
    const cpuMeanCores = coresBetween(first, last);
    return {
      durationMs: last.atMs - first.atMs,
      cpuTimeMs: (last.cpuUs - first.cpuUs) / 1_000,
      cpuMeanCores,
      cpuPeakCores: Math.max(this.#peakCores, cpuMeanCores),
      ...(this.#countsThrottling && { throttledMs: this.#throttled.total / 1_000 }),
      memoryPeakMb: this.#peakBytes / BYTES_PER_MB,
      samples: this.#samples,
    };
  }

  #reachesWindow(from: Point | undefined, to: Point): boolean {
    return from !== undefined && to.atMs - from.atMs >= this.#windowMs;
  }
}
